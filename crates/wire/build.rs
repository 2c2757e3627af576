//! From `proto/*.proto` to messages, and to the descriptors that reflection answers with. Needs no compiler of protocol buffers.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const FILES: [&str; 6] = [
    "inference.proto",
    "tensorflow.proto",
    "tensorflow_serving.proto",
    "health.proto",
    "reflection_v1.proto",
    "reflection_v1alpha.proto",
];

#[expect(clippy::disallowed_methods, reason = "cargo says by the environment where a build script writes")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = prost_build::Config::new();
    config.include_file("messages.rs");
    // Maps are written in the order of their keys, so that equal answers have equal bytes.
    config.btree_map(["."]);
    #[cfg(feature = "client")]
    {
        tonic_prost_build::configure().build_server(false).compile_fds_with_config(descriptors, config)?;
    }
    #[cfg(not(feature = "client"))]
    {
        config.compile_fds(descriptors)?;
    }
    Ok(())
}
