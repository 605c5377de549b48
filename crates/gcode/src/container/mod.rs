//! Files that wrap G-code: `.bgcode`, `.gx`, and the ZIP based `.gcode.3mf` and `.ufp`.

use crate::utf16::Utf16;

pub(crate) mod archive;
pub(crate) mod bgcode;
pub(crate) mod gx;
mod inflate;
mod plate_info;
mod sparse;

/// The kind of file, according to its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Utf16(Utf16),
    Bgcode,
    Gx,
    Zip,
}

impl Format {
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [b'G', b'C', b'D', b'E', ..] => Self::Bgcode,
            _ if head.starts_with(gx::MAGIC) => Self::Gx,
            _ => Utf16::of(head).map_or(Self::Text, Self::Utf16),
        }
    }
}
