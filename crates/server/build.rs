//! Takes the assets of Swagger UI out of the archive that a crate holds, and writes each packed with gzip: the archive's own compressed bytes
//! between gzip's head and tail. Nothing is fetched.
//!
//! Source: RFC 1952.

use std::{
    env,
    error::Error,
    fs,
    io::{Cursor, Read},
    path::PathBuf,
};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

const ASSETS: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

#[expect(clippy::disallowed_methods, reason = "cargo says by the environment where a build script writes")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for asset in ASSETS {
        let path = format!("/dist/{asset}");
        let place = (0..archive.len())
            .find(|&i| archive.name_for_index(i).is_some_and(|name| name.is_ok_and(|name| name.ends_with(&path))));
        let mut file = archive.by_index_raw(place.ok_or_else(|| format!("no {asset} in Swagger UI's archive"))?)?;
        if file.compression() != CompressionMethod::Deflated {
            return Err(format!("{asset} is not deflated").into());
        }
        // Deflate, no flags, no time, no operating system.
        let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        file.read_to_end(&mut packed)?;
        packed.extend(file.crc32().to_le_bytes());
        packed.extend((file.size() as u32).to_le_bytes());
        fs::write(out.join(format!("{asset}.gz")), packed)?;
    }
    Ok(())
}
