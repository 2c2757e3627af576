//! Case folders: a model, rows, and the answers of the tool that trained it.
//!
//! `case.json` says outputs' tolerance and input types, `input.jsonl` and `expected.jsonl` hold one row a line, `model*` is
//! the artifact. [`case`] reads a folder and runs it, [`compare`] says whether an answer is the expected one. [`own`] runs
//! the rows that an artifact carries itself.

pub mod case;
pub mod compare;
pub mod own;
