//! What goes over the wire in gRPC: messages and method names of the public interfaces that we speak, and nothing else.
//!
//! The files in `proto/` are our own writing of those interfaces: Open Inference V2 with Triton's extensions, TensorFlow
//! Serving, gRPC's health checks and reflection. They hold what we answer or read; fields that they leave out are passed over, as
//! protocol buffers have it. The build script makes Rust of them without `protoc`. Messages only: how a call is carried is
//! `server`'s. The feature `client` adds stubs for tests.

pub mod head;
#[allow(clippy::all, rustdoc::all)]
mod messages {
    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

pub use messages::{grpc, inference, tensorflow};
pub use prost::{DecodeError, Message};
pub use prost_types::{Any, FileDescriptorProto, FileDescriptorSet};

/// All files with what they import, as a `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
