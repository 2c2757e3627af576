//! Elements that lie in a file beside the document.
//!
//! The location is a name within the artifact, which is looked up among the files that were read with it; no path is opened.
//! What could mean another place on some system (`..`, an absolute path, a drive, a backslash, a zero byte) is refused as it stands.

use super::reader::Reader;
use crate::{ReadError, protobuf::Message};

const CLASS: &str = "TensorProto.external_data";

/// Returns the bytes that the tensor's `external_data` names; `wants` of them.
pub fn bytes<'a>(cx: &Reader<'a>, tensor: Message<'a>, wants: usize) -> Result<&'a [u8], ReadError> {
    let (mut location, mut offset, mut length) = ("", 0, None);
    for entry in tensor.all(13) {
        let entry = entry?.message()?;
        let text = |number| entry.last(number)?.map_or(Ok(""), |field| field.str());
        let (key, value) = (text(1)?, text(2)?);
        match key {
            "location" => location = value,
            "offset" => offset = number(cx, "offset", value)?,
            "length" => length = Some(number(cx, "length", value)?),
            _ => {}
        }
    }
    let name = name(location).ok_or_else(|| {
        cx.fault(
            CLASS,
            "location",
            "the name of a file beside the model, relative and without `..`",
            format_args!("`{}`", location.escape_debug()),
        )
    })?;
    let file = cx.files.get(&name).ok_or_else(|| ReadError::Missing {
        file: cx.files.full_path(&name),
        class: CLASS.to_owned(),
        help: "tensors of the model lie in this file; give the folder that holds both",
    })?;
    let bytes = file.as_slice();
    let length = length.unwrap_or(wants as u64);
    if length != wants as u64 {
        return Err(cx.fault(
            CLASS,
            "length",
            "as many bytes as the tensor's dimensions say",
            format_args!("{length} for {wants}"),
        ));
    }
    let end = offset.checked_add(length).filter(|end| *end <= bytes.len() as u64);
    let end = end.ok_or_else(|| {
        cx.fault(
            CLASS,
            "offset",
            "a place within the file",
            format_args!("{length} bytes from {offset} of {}", bytes.len()),
        )
    })?;
    // Both are at most the file's length.
    Ok(&bytes[offset as usize..end as usize])
}

fn number(cx: &Reader<'_>, field: &str, text: &str) -> Result<u64, ReadError> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.ok_or_else(|| cx.fault(CLASS, field, "a number of bytes", format_args!("`{}`", text.escape_debug())))
}

/// Returns the name within the artifact, without segments that stay where they are.
fn name(location: &str) -> Option<String> {
    let odd = |c: char| matches!(c, '\\' | ':') || c.is_control();
    if location.contains(odd) {
        return None;
    }
    let mut name = String::new();
    for segment in location.split('/') {
        match segment {
            "" | ".." => return None,
            "." => {}
            segment => {
                if !name.is_empty() {
                    name.push('/');
                }
                name.push_str(segment);
            }
        }
    }
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_stays_in_the_folder() {
        for (location, expected) in [("w.bin", "w.bin"), ("./a/w.bin", "a/w.bin"), ("a/./b", "a/b")] {
            assert_eq!(name(location).as_deref(), Some(expected));
        }
        for location in ["", ".", "..", "/etc/passwd", "a/../b", "a//b", "a/", "c:\\w", "a\\b", "file:///w", "a\0b"] {
            assert_eq!(name(location), None, "{location:?}");
        }
    }
}
