//! Differences between Moonraker's versions that matter to a print logger.

/// A version of Moonraker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// 0.8.0: ids start at 000000 and are not reused, no `user`, `count` is the total, killed jobs stay in progress.
    V0_8,
    /// 0.9.3.
    V0_9,
    /// 0.10.0: misses prints that start right after Klippy is ready.
    V0_10,
    /// 0.11.0: rejects wrong keys from trusted addresses, too.
    #[default]
    V0_11,
}

impl Version {
    /// The version as in `server.info`.
    #[must_use]
    pub fn moonraker_version(self) -> &'static str {
        match self {
            Self::V0_8 => "0.8.0",
            Self::V0_9 => "0.9.3",
            Self::V0_10 => "0.10.0",
            Self::V0_11 => "0.11.0",
        }
    }

    pub(crate) fn api_version(self) -> [u32; 3] {
        match self {
            Self::V0_8 => [1, 3, 0],
            Self::V0_9 | Self::V0_10 => [1, 4, 0],
            Self::V0_11 => [1, 5, 0],
        }
    }

    pub(crate) fn first_job_id(self) -> u64 {
        u64::from(self > Self::V0_8)
    }

    /// Error code for a failure inside Moonraker.
    pub(crate) fn internal_error(self) -> i64 {
        if self <= Self::V0_9 { -31000 } else { 500 }
    }
}
