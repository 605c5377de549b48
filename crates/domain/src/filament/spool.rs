//! Which spool feeds a tool, when several sources name one.

use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use super::Supply;

/// What named the spool of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum SpoolSource {
    /// Happy Hare's map of gates.
    Mmu,
    /// AFC's lane.
    Afc,
    /// The variable `spool_id` of the macro `T<n>`.
    Macro,
    /// A user of printlog.
    User,
    /// Moonraker's active spool.
    MoonrakerActive,
}

/// The spools that sources name for the loaded tool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpoolCandidates {
    /// The printer's map of tools to spools: where it is from, and the spool. `Some((_, None))` if the map has no spool for
    /// the tool.
    pub map: Option<(SpoolSource, Option<i64>)>,
    /// The user's assignment.
    pub assigned: Option<i64>,
    /// Moonraker's active spool.
    pub active: Option<i64>,
    /// Whether the printer has only one tool: Moonraker's active spool then feeds it.
    pub has_one_tool: bool,
}

/// The loaded tool with its spool, by the first source that knows one: the printer's map, the user, and Moonraker's active
/// spool if there is only one tool.
///
/// A map wins over a different active spool: Happy Hare 3.4.2 does not deactivate the spool of an unloaded gate.
#[must_use]
pub fn choose_spool(tool: Option<u32>, gate: Option<String>, spools: &SpoolCandidates) -> Supply {
    let by_map = spools.map.and_then(|(source, spool)| Some((spool?, source)));
    let by_user = spools.assigned.map(|spool| (spool, SpoolSource::User));
    let by_moonraker = spools
        .active
        .filter(|_| spools.has_one_tool)
        .map(|spool| (spool, SpoolSource::MoonrakerActive));
    let chosen = by_map.or(by_user).or(by_moonraker);
    Supply {
        tool,
        gate,
        spool: chosen.map(|(spool, _)| spool),
        spool_source: chosen.map(|(_, source)| source),
        is_conflict: by_map
            .zip(spools.active)
            .is_some_and(|((spool, _), active)| spool != active),
    }
}
