//! All that is unsafe of a child: what it asks of the system, and the C API of TensorFlow.

pub(super) mod limits;
pub(super) mod tensorflow;
