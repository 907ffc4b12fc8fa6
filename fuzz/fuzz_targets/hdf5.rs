//! HDF5 files: the datasets of PatchCamelyon and of SVHN's full numbers.

#![no_main]

use clip_formats::hdf5::Hdf5;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("fuzz-{}.h5", std::process::id()));
    std::fs::write(&path, bytes).expect("a temporary file");
    let Ok(file) = Hdf5::open(&path) else { return };
    for name in ["x", "y", "digitStruct/name", "digitStruct/bbox"] {
        let Ok(dataset) = file.dataset(name) else { continue };
        let _ = dataset.read_rows(&file, 0, dataset.rows().min(4));
        for address in dataset.references(&file).unwrap_or_default().into_iter().take(4) {
            let _ = file.dataset_at(address).map(|dataset| dataset.numbers(&file));
            let _ = file.child(address, "label");
        }
    }
});
