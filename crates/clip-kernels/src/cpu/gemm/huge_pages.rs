//! Memory for packed weights in large pages.
//!
//! The products read a weight once from end to end. In pages of 4 KiB the processor's prefetcher
//! stops and the address is looked up anew every 32 rows of a panel; on Linux pages of 2 MiB are
//! asked for instead (50 x 768 x 3072 in f32: 95 against 99 GFLOP/s on one thread, 110 with the
//! next panel fetched ahead as well).
//!
//! What is packed for one product only, as training does all the time, is written into memory that
//! was used before: fresh pages are cleared first, which takes as long as packing.

use super::panels::PanelRow;
use crate::{DeviceError, Result};
use memmap2::{MmapMut, MmapOptions};
use std::sync::{Mutex, PoisonError};

/// Rows of panels.
#[derive(Debug)]
pub(super) struct PanelMemory {
    map: Option<MmapMut>, // none where there are no rows
    rows: usize,
    /// Whether the map is kept for the next one when this is dropped.
    is_lent: bool,
}

/// How long panels are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cpu) enum Use {
    /// As long as their weight.
    Kept,
    /// For one product: their memory serves the next one.
    Once,
}

/// Memory that no panels are in, the longest unused first.
static SPARE: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());

/// Bytes of all that is kept: several weights of ViT-L/14.
const KEPT: usize = 64 << 20;

impl PanelMemory {
    /// Zeros where they are kept, else of any content.
    pub(super) fn new(memory: Use, panels: usize, rows_of_panel: usize) -> Result<Self> {
        match memory {
            Use::Kept => Self::zeroed(panels, rows_of_panel),
            Use::Once => Self::lent(panels, rows_of_panel),
        }
    }

    /// From what was dropped before where that is large enough.
    fn lent(panels: usize, rows_of_panel: usize) -> Result<Self> {
        let rows = panels.saturating_mul(rows_of_panel);
        let length = rows.saturating_mul(size_of::<PanelRow>());
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = spare
            .iter()
            .enumerate()
            .filter(|(_, map)| map.len() >= length && map.len() / 4 <= length);
        let place = fitting.min_by_key(|(_, map)| map.len()).map(|(place, _)| place);
        if let Some(place) = place {
            return Ok(Self { map: Some(spare.remove(place)), rows, is_lent: true });
        }
        drop(spare);
        let mut fresh = Self::zeroed(panels, rows_of_panel)?;
        fresh.is_lent = true;
        Ok(fresh)
    }

    fn zeroed(panels: usize, rows_of_panel: usize) -> Result<Self> {
        let no_memory = || DeviceError::out_of_memory::<PanelRow>("weights", panels, rows_of_panel);
        let rows = panels.checked_mul(rows_of_panel).ok_or_else(no_memory)?;
        if rows == 0 {
            return Ok(Self { map: None, rows, is_lent: false });
        }
        let length = rows.checked_mul(size_of::<PanelRow>()).ok_or_else(no_memory)?;
        let map = MmapOptions::new().len(length).map_anon().map_err(|_| no_memory())?;
        // Where it is not granted small pages do.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self { map: Some(map), rows, is_lent: false })
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [PanelRow] {
        match &mut self.map {
            None => &mut [],
            // SAFETY: the map has at least this many rows, begins at a page and so at a multiple
            // of 64 bytes, is borrowed for as long as the slice, and any bits are a `PanelRow`.
            Some(map) => unsafe {
                std::slice::from_raw_parts_mut(map.as_mut_ptr().cast(), self.rows)
            },
        }
    }

    pub(super) fn as_slice(&self) -> &[PanelRow] {
        match &self.map {
            None => &[],
            // SAFETY: as in `as_mut_slice`.
            Some(map) => unsafe { std::slice::from_raw_parts(map.as_ptr().cast(), self.rows) },
        }
    }
}

impl Drop for PanelMemory {
    fn drop(&mut self) {
        let is_kept = |map: &MmapMut| self.is_lent && map.len() <= KEPT;
        let Some(map) = self.map.take().filter(is_kept) else { return };
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        spare.push(map);
        while spare.iter().map(|map| map.len()).sum::<usize>() > KEPT {
            spare.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_lent_is_lent_again_and_is_bounded() {
        // Sizes that no other test asks for.
        let place = |memory: &PanelMemory| memory.as_slice().as_ptr() as usize;
        let first = PanelMemory::lent(7, 10_003).unwrap();
        let place_of_first = place(&first);
        drop(first);
        let second = PanelMemory::lent(7, 10_001).unwrap();
        assert_eq!((place(&second), second.as_slice().len()), (place_of_first, 70_007));
        drop(PanelMemory::lent(1, KEPT / size_of::<PanelRow>() + 1).unwrap());
        let kept: usize = SPARE.lock().unwrap().iter().map(|map| map.len()).sum();
        assert!(kept <= KEPT, "{kept}");
    }
}
