//! What the whole house talks in: values, types, signatures, calls, and the kinds of failure.
//!
//! A [`Batch`] is the named values of one call; a value is a [`Column`] (one entry per row of a row domain) or a
//! [`Whole`] (one for the call). Whatever answers a call is a [`Predictor`]. This crate stands alone: it knows no other
//! crate of ours, no async runtime and no serialiser, so that the model wing (pure) and the serving wing (patient) can
//! both lean on it. It changes rarely and with care.
//!
//! Start at [`column`] for how rows lie in memory, at [`call`] for how a question is asked.

pub mod batch;
pub mod build;
pub mod call;
pub mod column;
pub mod decimal;
pub mod error;
pub mod files;
pub mod java;
pub mod name;
pub mod signature;
pub mod spans;
pub mod stack;
pub mod table;
pub mod tensor;
pub mod trace;
pub mod types;

pub use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

pub use batch::{Batch, Domain, Mark, Value};
pub use build::Builder;
pub use call::{Call, Cancel, Cost, OnFault, Predictor, Reply};
pub use column::{Column, Fixed, List, Struct, Text, Vectors};
pub use error::{FaultKind, FaultValue, Kind, PredictError, RowFault, Violation};
pub use files::ModelFiles;
pub use name::{Name, NameError, Version};
pub use signature::{
    Declared, Field, InputSpec, Reading, ShapeDef, Signature, SignatureDef, Takes, TensorDef, Unreadable,
};
pub use spans::{Part, Span, Spans};
pub use table::{Datum, Items, Table};
pub use tensor::{Data, Shape, Tensor, Whole};
pub use trace::{RequestId, Trace};
pub use types::{DType, Type};
