//! The binary from outside: arguments, files, exit codes, HTTP.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking")]

mod admin;
mod apply;
mod carriers;
mod catalogue;
mod config;
mod dialects;
mod docs;
mod engines;
mod golden;
mod inspect;
mod memory;
mod refused;
mod score;
mod security;
mod serve;
mod sources;
mod support;
mod tfs;
mod traces;
mod verify;
mod warm_up;
mod wine;
