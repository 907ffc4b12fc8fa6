//! The data files of the protocol, embedded by `build.rs`: `DESCRIPTIONS`, the texts of
//! `assets/datasets/*.toml`, and `PROMPTS`, those of `assets/prompts/*.json`, each with the name of
//! its file.

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_assets_is_embedded() {
        let assets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        for (folder, embedded) in [("datasets", DESCRIPTIONS.len()), ("prompts", PROMPTS.len())] {
            let files = std::fs::read_dir(assets.join(folder)).expect("the assets").count();
            assert_eq!(files, embedded, "{folder}");
        }
    }
}
