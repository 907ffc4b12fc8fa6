//! Memory for packed weights in large pages.
//!
//! The products read a weight once from end to end. In pages of 4 KiB the processor's prefetcher
//! stops and the address is looked up anew every 32 rows of a panel; on Linux pages of 2 MiB are
//! asked for instead (50 x 768 x 3072 in f32: 95 against 99 GFLOP/s on one thread, 110 with the
//! next panel fetched ahead as well).

use super::panels::PanelRow;
use crate::{DeviceError, Result};
use memmap2::{MmapMut, MmapOptions};

/// Rows of panels, zeros at first.
#[derive(Debug)]
pub(super) struct PanelMemory {
    map: Option<MmapMut>, // none where there are no rows
    rows: usize,
}

impl PanelMemory {
    pub(super) fn zeroed(panels: usize, rows_of_panel: usize) -> Result<Self> {
        let no_memory = || DeviceError::out_of_memory::<PanelRow>("weights", panels, rows_of_panel);
        let rows = panels.checked_mul(rows_of_panel).ok_or_else(no_memory)?;
        if rows == 0 {
            return Ok(Self { map: None, rows });
        }
        let length = rows.checked_mul(size_of::<PanelRow>()).ok_or_else(no_memory)?;
        let map = MmapOptions::new().len(length).map_anon().map_err(|_| no_memory())?;
        // Where it is not granted small pages do.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self { map: Some(map), rows })
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [PanelRow] {
        match &mut self.map {
            None => &mut [],
            // SAFETY: the map has this many rows (`zeroed`), begins at a page and so at a multiple
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
