//! Files that wrap G-code: `.bgcode`, `.gx`, and the ZIP based `.gcode.3mf` and `.ufp`.

pub(crate) mod archive;
pub(crate) mod bgcode;
pub(crate) mod gx;
mod inflate;
mod plate_info;
mod sparse;

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
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
            _ => Self::Text,
        }
    }
}
