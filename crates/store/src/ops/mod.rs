//! Operations on a whole database: backup, restore, copy, the lock of the server, sizes.

pub(crate) mod backup;
pub(crate) mod copy;
pub(crate) mod id_space;
pub(crate) mod instance_lock;
pub(crate) mod restore;
pub(crate) mod table_space;
