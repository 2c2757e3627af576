//! Who asked: the request id and the W3C trace context that travel with every call.

use std::{fmt, sync::Arc};

/// Identifies one request in answers, logs and errors: the caller's `x-request-id`, or one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Longest id taken from a caller.
    pub const LEN_MAX: usize = 128;

    /// Returns the caller's id where it is printable ASCII without quotes or blanks, within [`Self::LEN_MAX`].
    pub fn parse(text: &str) -> Option<RequestId> {
        let good = (1..=Self::LEN_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
        good.then(|| RequestId(text.into()))
    }

    /// Returns an id of ours from a number that is unique in this process (32 hexadecimal digits).
    pub fn from_number(number: u128) -> RequestId {
        // Made for every request, so without the formatter's detours.
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digits: [u8; 32] = std::array::from_fn(|i| HEX[(number >> (124 - 4 * i)) as usize & 15]);
        RequestId(std::str::from_utf8(&digits).expect("hexadecimal digits are ASCII").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a request stands among those that caused it: W3C trace context (<https://www.w3.org/TR/trace-context/>:
/// `traceparent` and `tracestate`), or Zipkin's B3 (<https://github.com/openzipkin/b3-propagation>).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Trace {
    pub trace_id: u128,
    /// The caller's span, our parent; 0 where we began the trace.
    pub parent_id: u64,
    pub flags: u8,
    pub state: Option<Arc<str>>,
}

impl Trace {
    /// Returns the context of a `traceparent` header, or nothing where it is not one: the standard says to begin anew.
    pub fn parse(traceparent: &str) -> Option<Trace> {
        let mut parts = traceparent.trim().split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let lower_hex = |s: &str, n| s.len() == n && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let shaped = lower_hex(version, 2) && lower_hex(trace, 32) && lower_hex(parent, 16) && lower_hex(flags, 2);
        if !shaped || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let (trace_id, parent_id) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(parent, 16).ok()?);
        let flags = u8::from_str_radix(flags, 16).ok()?;
        (trace_id != 0 && parent_id != 0).then_some(Trace { trace_id, parent_id, flags, state: None })
    }

    /// The flag that says: the spans of this trace are kept.
    pub const SAMPLED: u8 = 1;

    /// Returns whether the spans of this trace are kept.
    pub fn is_sampled(&self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    /// Returns the context of a `b3` header (`{trace}-{span}[-{sampled}[-{parent}]]`), or nothing where it is none.
    pub fn parse_b3(header: &str) -> Option<Trace> {
        let mut parts = header.trim().split('-');
        let (trace, span) = (parts.next()?, parts.next()?);
        Trace::from_b3(trace, span, parts.next().unwrap_or("0"))
    }

    /// Returns the context of the headers `x-b3-traceid`, `x-b3-spanid` and `x-b3-sampled` (`d`: also where the flag of
    /// debugging is set).
    pub fn from_b3(trace: &str, span: &str, sampled: &str) -> Option<Trace> {
        let hex = |s: &str, sizes: &[usize]| sizes.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex(trace, &[16, 32]) || !hex(span, &[16]) {
            return None;
        }
        let (trace_id, parent_id) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
        let flags = if matches!(sampled, "1" | "d" | "true") { Self::SAMPLED } else { 0 };
        (trace_id != 0 && parent_id != 0).then_some(Trace { trace_id, parent_id, flags, state: None })
    }

    /// Returns the `b3` header that says `span` is the parent.
    pub fn b3(&self, span: u64) -> String {
        format!("{:032x}-{span:016x}-{}", self.trace_id, u8::from(self.is_sampled()))
    }

    /// Returns the `traceparent` header that says `span` is the parent.
    pub fn traceparent(&self, span: u64) -> String {
        format!("00-{:032x}-{span:016x}-{:02x}", self.trace_id, self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_ours_are_32_digits() {
        let check = |number: u128| assert_eq!(RequestId::from_number(number).as_str(), format!("{number:032x}"));
        [0, 1, 0xabc, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210].into_iter().for_each(check);
    }

    #[test]
    fn b3_in_one_header_and_in_several() {
        let one = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90";
        let trace = Trace::parse_b3(one).expect("the specification's own example");
        assert_eq!(trace.b3(trace.parent_id), "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1");
        assert!(trace.is_sampled());
        let short = Trace::from_b3("64fe8b2a57d3eff7", "e457b5a2e4d86bd1", "0").expect("64 bits");
        assert_eq!((short.trace_id, short.is_sampled()), (0x64fe8b2a57d3eff7, false));
        for bad in ["", "0", "80f198ee56343ba864fe8b2a57d3eff7", "x-y-1", "0000000000000000-e457b5a2e4d86bd1-1", "é-é"]
        {
            assert_eq!(Trace::parse_b3(bad), None, "{bad}");
        }
    }

    #[test]
    fn traceparent_round_trip() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = Trace::parse(text).expect("the standard's own example");
        assert_eq!(trace.traceparent(trace.parent_id), text);
        for bad in ["", "00-0-0-0", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &format!("{text}-x")] {
            assert_eq!(Trace::parse(bad), None, "{bad}");
        }
        assert_eq!(Trace::parse("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
    }
}
