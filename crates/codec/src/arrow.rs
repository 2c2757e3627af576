//! Arrow: the arrays that Parquet and Arrow IPC share, as columns.

pub(crate) mod convert;
