//! The warm-up file of a SavedModel: `assets.extra/tf_serving_warmup_requests`, records of what TensorFlow Serving answered once.
//!
//! A TFRecord: the length of the data as 8 bytes, their masked CRC-32C, the data, their masked CRC-32C. What a record says is
//! `server`'s to read: it is a message of TensorFlow Serving's. Source: TensorFlow's page "TFRecord", TensorFlow Serving's
//! `saved_model_warmup_util.cc` for the name and the limit.

use model::ModelFiles;

use super::bundle::crc32c;

/// Where it lies in a SavedModel.
pub const FILE: &str = "assets.extra/tf_serving_warmup_requests";

/// Records that one file may have, as TensorFlow Serving has it.
pub const RECORDS_MAX: usize = 1_000;

/// The records of a file, in their order. It ends with the first that is broken.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    next: usize,
}

/// Returns the records that the artifact brings, where it brings any.
pub fn records(files: &ModelFiles) -> Option<Records<'_>> {
    files.get(FILE).map(|bytes| Records::of(bytes.as_slice()))
}

impl<'a> Records<'a> {
    pub fn of(bytes: &'a [u8]) -> Records<'a> {
        Records { rest: bytes, next: 0 }
    }

    fn take(&mut self) -> Result<&'a [u8], String> {
        let broken = |what: &str| format!("record {} of {FILE} {what}", self.next);
        if self.next == RECORDS_MAX {
            return Err(broken(&format!("is more than the {RECORDS_MAX} that a file may have")));
        }
        let (head, rest) = self.rest.split_at_checked(12).ok_or_else(|| broken("is cut off"))?;
        let (length, sum) = head.split_at(8);
        let sum_is = |bytes: &[u8], sum: &[u8]| crc32c::masked(bytes).to_le_bytes() == *sum;
        if !sum_is(length, sum) {
            return Err(broken("has another sum than its length; the file is no TFRecord, or damaged"));
        }
        let length = length.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let data = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let (data, rest) = data.ok_or_else(|| broken("is cut off"))?;
        let (sum, rest) = rest.split_at_checked(4).ok_or_else(|| broken("is cut off"))?;
        if !sum_is(data, sum) {
            return Err(broken("has another sum than its data; the file is damaged"));
        }
        self.rest = rest;
        Ok(data)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<&'a [u8], String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = self.take();
        if taken.is_err() {
            self.rest = &[];
        }
        self.next += 1;
        Some(taken)
    }
}

/// Returns the data as a file of one record, for tests.
pub fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let sum = |bytes: &[u8]| crc32c::masked(bytes).to_le_bytes();
    [&length[..], &sum(&length), data, &sum(data)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says a file's records: each its data, or what is wrong.
    fn said(file: &[u8]) -> Vec<String> {
        let say = |taken: Result<&[u8], String>| taken.map(|data| String::from_utf8_lossy(data).into_owned());
        Records::of(file).map(|taken| say(taken).unwrap_or_else(|error| error)).collect()
    }

    #[test]
    fn records_come_in_their_order() {
        assert_eq!(said(&[record(b"one"), record(b""), record(b"three")].concat()), ["one", "", "three"]);
        assert_eq!(said(b""), [""; 0]);
        // The sum of no length is what TensorFlow writes: 8 zero bytes.
        assert_eq!(record(b"")[..12], [0, 0, 0, 0, 0, 0, 0, 0, 0x29, 0x03, 0x98, 0x07]);
    }

    #[test]
    fn what_is_broken_ends_the_file() {
        let file = [record(b"one"), record(b"two")].concat();
        for cut in 1..record(b"two").len() {
            let got = said(&file[..file.len() - cut]);
            assert!(got.len() == 2 && got[1].contains("record 1") && got[1].contains("is cut off"), "{got:?}");
        }
        for place in 0..record(b"one").len() {
            let mut damaged = file.clone();
            damaged[place] ^= 1;
            let got = said(&damaged);
            assert!(got.len() == 1 && got[0].contains("another sum"), "{place}: {got:?}");
        }
        let long = [&u64::MAX.to_le_bytes()[..], &crc32c::masked(&u64::MAX.to_le_bytes()).to_le_bytes(), b"x"].concat();
        assert!(said(&long)[0].contains("is cut off"));
    }

    #[test]
    fn there_are_as_many_as_tensorflow_serving_takes() {
        let got = said(&record(b"x").repeat(RECORDS_MAX + 5));
        assert_eq!((got.len(), &*got[RECORDS_MAX - 1]), (RECORDS_MAX + 1, "x"));
        assert!(got[RECORDS_MAX].contains("more than the 1000"));
    }
}
