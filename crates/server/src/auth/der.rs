//! As much of DER as it takes to read a public key and the common names of a subject (X.690; RFC 5280, 5480, 8017, 8410).

/// What a public key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa,
    /// Of the curve P-256.
    Ec,
    Ed25519,
}

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

const SEQUENCE: u8 = 0x30;
const BITS: u8 = 0x03;
const OID: u8 = 0x06;

/// Takes the next value: its tag and its bytes.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let [tag, first, after @ ..] = *rest else { return None };
    let (length, after) = match *first {
        short @ ..=0x7f => (usize::from(short), after),
        // Nothing here is so long that its length takes more than four bytes.
        long @ 0x81..=0x84 => {
            let (bytes, after) = after.split_at_checked(usize::from(long - 0x80))?;
            (bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte)), after)
        }
        _ => return None,
    };
    let (value, after) = after.split_at_checked(length)?;
    *rest = after;
    Some((*tag, value))
}

fn take<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    next(rest).filter(|(found, _)| *found == tag).map(|(_, value)| value)
}

/// Returns what a SubjectPublicKeyInfo holds.
pub(super) fn public_key(mut info: &[u8]) -> Option<(KeyKind, &[u8])> {
    let mut info = take(&mut info, SEQUENCE)?;
    let mut algorithm = take(&mut info, SEQUENCE)?;
    let kind = match take(&mut algorithm, OID)? {
        RSA => KeyKind::Rsa,
        EC if take(&mut algorithm, OID)? == P256 => KeyKind::Ec,
        ED25519 => KeyKind::Ed25519,
        _ => return None,
    };
    // The first byte counts bits that are left over: none in a key.
    let key = take(&mut info, BITS)?.strip_prefix(&[0])?;
    Some((kind, key))
}

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SET: u8 = 0x31;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;

/// Returns the common names in a certificate's subject, as it is inside of its sequence.
pub(crate) fn common_names(mut subject: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(mut parts) = take(&mut subject, SET) {
        while let Some(mut part) = take(&mut parts, SEQUENCE) {
            let is_name = take(&mut part, OID) == Some(COMMON_NAME);
            let text = next(&mut part).filter(|(tag, _)| matches!(*tag, UTF8 | PRINTABLE)).map(|(_, text)| text);
            if let (true, Some(Ok(text))) = (is_name, text.map(std::str::from_utf8)) {
                names.push(text.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_and_what_is_cut_is_none() {
        let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let info = [&head[..], &[7; 32]].concat();
        assert_eq!(public_key(&info), Some((KeyKind::Ed25519, &[7; 32][..])));
        for end in 0..info.len() {
            assert_eq!(public_key(&info[..end]), None, "{end}");
        }
        assert_eq!(public_key(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(public_key(&[0x30, 0x80]), None);
        assert_eq!(public_key(&[0x30, 0x85, 0, 0, 0, 0, 1, 0]), None);
    }

    #[test]
    fn common_names_of_a_subject() {
        let name = |tag: u8, text: &str| {
            let text = [&[tag, text.len() as u8], text.as_bytes()].concat();
            let part = [&[OID, 3], COMMON_NAME, &text].concat();
            let part = [&[SEQUENCE, part.len() as u8], &part[..]].concat();
            [&[SET, part.len() as u8], &part[..]].concat()
        };
        let subject = [name(UTF8, "robot"), name(PRINTABLE, "second"), name(0x1e, "no")].concat();
        assert_eq!(common_names(&subject), ["robot", "second"]);
        for end in 0..subject.len() {
            assert!(common_names(&subject[..end]).len() <= 2);
        }
    }
}
