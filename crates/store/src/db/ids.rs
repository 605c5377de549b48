//! Which primary keys an import may keep.

use domain::LARGEST_ID;

/// Whether an imported row keeps its id. The database continues from the largest id, so half of the range is reserved
/// for new rows.
pub(crate) fn is_kept(id: i64) -> bool {
    // One imported row with the largest id would make every later insert fail.
    (1..=LARGEST_ID / 2).contains(&id)
}
