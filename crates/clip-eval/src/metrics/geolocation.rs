//! How far off a place is.

use super::error::MetricError;

/// Radii of IM2GPS: street, city, region, country, continent.
pub const RADII_KM: [f64; 5] = [1.0, 25.0, 200.0, 750.0, 2500.0];

/// Mean radius of the earth (IUGG).
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// A place on earth, degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// -90 to 90, north is positive.
    pub latitude: f64,
    /// -180 to 180, east is positive.
    pub longitude: f64,
}

/// Great-circle distance by the haversine formula.
pub fn distance_km(a: Place, b: Place) -> f64 {
    let (latitude_a, latitude_b) = (a.latitude.to_radians(), b.latitude.to_radians());
    let squared_half_chord = ((latitude_b - latitude_a) / 2.0).sin().powi(2)
        + latitude_a.cos()
            * latitude_b.cos()
            * ((b.longitude - a.longitude).to_radians() / 2.0).sin().powi(2);
    2.0 * EARTH_RADIUS_KM * squared_half_chord.min(1.0).sqrt().asin()
}

/// Share of distances within each of [`RADII_KM`].
///
/// # Errors
/// There are none.
pub fn shares_within(distances_km: &[f64]) -> Result<[f64; 5], MetricError> {
    match distances_km.len() {
        0 => Err(MetricError::NoItems),
        items => {
            let within =
                |radius: f64| distances_km.iter().filter(|&&distance| distance <= radius).count();
            Ok(RADII_KM.map(|radius| within(radius) as f64 / items as f64))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_of_the_earth_is_half_its_circumference_away() {
        let (here, there) = (
            Place { latitude: 40.0, longitude: -170.0 },
            Place { latitude: -40.0, longitude: 10.0 },
        );
        let half = std::f64::consts::PI * EARTH_RADIUS_KM;
        // The arc sine is steep there: a metre is the last digit.
        assert!((distance_km(here, there) - half).abs() < 1e-3);
        assert_eq!(distance_km(here, here), 0.0);
    }

    #[test]
    fn a_distance_equal_to_the_radius_is_within() {
        assert_eq!(shares_within(&[1.0, 26.0]), Ok([0.5, 0.5, 1.0, 1.0, 1.0]));
        assert_eq!(shares_within(&[]), Err(MetricError::NoItems));
    }
}
