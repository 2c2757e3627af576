//! The readers from outside: whole artifacts in, plans or errors out.

mod artifact;
mod cases;
mod clusters;
mod features;
mod fuzz;
mod hostile;
mod onnx;
mod reading;
mod vectors;
