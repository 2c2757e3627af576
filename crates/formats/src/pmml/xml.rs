//! A document as a tree: elements, attributes and text, as places in the source.
//!
//! The tokens are `quick-xml`'s; the tree is an arena of 32 bytes an element and 12 an attribute, built without recursion.
//! A document type declaration is an error wherever it stands, so no entity is ever defined or fetched. `Extension`
//! elements are left out: the standard lets every consumer ignore them. Names are those behind the prefix that the root has;
//! elements of other namespaces keep theirs (`data:input` in an inline table).

use std::{borrow::Cow, collections::HashMap};

use quick_xml::{
    Reader,
    escape::unescape,
    events::{BytesStart, Event},
};

use super::error::Fault;
use crate::Limits;

/// Deepest nesting of elements.
const DEPTH_MAX: usize = 4_096;
/// Most attributes of one element.
const ATTRIBUTES_MAX: usize = 256;
/// No element.
const NONE: u32 = u32::MAX;
/// Marks a span of text that was put together, instead of one of the source.
const OWNED: u32 = 1 << 31;

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    len: u32,
}

struct Node {
    name: u32,
    first: u32,
    next: u32,
    attributes: u32,
    count: u32,
    text: Span,
    line: u32,
}

struct Attribute {
    name: u32,
    value: Span,
}

/// A document; its letters are the caller's bytes where they are UTF-8.
pub struct Document<'b> {
    source: Cow<'b, str>,
    /// Texts that do not stand in the source as they are.
    owned: String,
    names: Vec<Box<str>>,
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    file: String,
    namespace: Option<Box<str>>,
}

/// An element of a document.
#[derive(Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document<'d>,
    node: u32,
}

struct Builder<'s> {
    source: &'s str,
    owned: String,
    names: Vec<Box<str>>,
    known: HashMap<Box<str>, u32>,
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    /// The open elements, each with its last child.
    open: Vec<(u32, u32)>,
    prefix: Option<String>,
    namespace: Option<Box<str>>,
    /// How far lines are counted, and how many there were.
    counted: (usize, u32),
}

impl<'b> Document<'b> {
    /// Returns the tree of these bytes.
    pub fn parse(file: &str, bytes: &'b [u8], limits: &Limits) -> Result<Document<'b>, Fault> {
        if bytes.len() > limits.document_bytes_max.min(OWNED as usize - 1) {
            let (got, limit) = (bytes.len(), limits.document_bytes_max);
            return Err(Fault::TooLarge {
                what: "the document, in bytes,".to_owned(),
                got,
                limit,
                key: "document_bytes_max",
            });
        }
        let source = decode(bytes)?;
        let mut builder = Builder {
            source: &source,
            owned: String::new(),
            names: Vec::new(),
            known: HashMap::new(),
            nodes: Vec::new(),
            attributes: Vec::new(),
            open: Vec::new(),
            prefix: None,
            namespace: None,
            counted: (0, 1),
        };
        builder.read()?;
        let Builder { owned, names, mut nodes, mut attributes, namespace, .. } = builder;
        nodes.shrink_to_fit();
        attributes.shrink_to_fit();
        Ok(Document { owned, names, nodes, attributes, file: file.to_owned(), namespace, source })
    }

    /// Returns the outermost element.
    pub fn root(&self) -> Element<'_> {
        Element { document: self, node: 0 }
    }

    /// Returns the namespace of the outermost element.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Returns the file's name.
    pub fn file(&self) -> &str {
        &self.file
    }

    fn span(&self, span: Span) -> &str {
        let (text, start) = match span.start & OWNED {
            0 => (&*self.source, span.start),
            _ => (self.owned.as_str(), span.start & !OWNED),
        };
        text.get(start as usize..(start + span.len) as usize).unwrap_or_default()
    }
}

/// Returns the letters of the document: UTF-8, or what its declaration names.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        let (text, _, bad) = encoding.decode(bytes);
        return if bad { Err(Fault::syntax(1, format!("not {}", encoding.name()))) } else { Ok(text) };
    }
    let head = &bytes[..bytes.len().min(256)];
    let declared = head.trim_ascii_start().strip_prefix(b"<?xml").and_then(|rest| {
        let end = rest.windows(2).position(|w| w == b"?>")?;
        let text = std::str::from_utf8(&rest[..end]).ok()?;
        let value = text.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        value[1..].split(quote).next()
    });
    let name = declared.unwrap_or("UTF-8");
    let encoding = encoding_rs::Encoding::for_label(name.as_bytes())
        .filter(|encoding| encoding.is_ascii_compatible())
        .ok_or_else(|| Fault::syntax(1, format!("the encoding {name:?} is not one that its own declaration is in")))?;
    let (text, bad) = encoding.decode_without_bom_handling(bytes);
    if bad { Err(Fault::syntax(1, format!("the bytes are not all {}", encoding.name()))) } else { Ok(text) }
}

impl<'s> Builder<'s> {
    fn read(&mut self) -> Result<(), Fault> {
        let mut reader = Reader::from_str(self.source);
        let mut skipped = 0_usize;
        loop {
            let at = reader.buffer_position() as usize;
            let event = reader.read_event();
            let event = event.map_err(|error| self.fault(reader.error_position() as usize, error.to_string()))?;
            match event {
                Event::Start(start) if skipped > 0 || self.is_extension(&start) => {
                    skipped += 1;
                    if skipped > DEPTH_MAX {
                        return Err(self.fault(at, format!("elements are nested deeper than {DEPTH_MAX}")));
                    }
                }
                Event::Start(start) => self.open(&start, at)?,
                Event::Empty(start) if skipped > 0 || self.is_extension(&start) => {}
                Event::Empty(start) => {
                    self.open(&start, at)?;
                    self.open.pop();
                }
                Event::End(_) if skipped > 0 => skipped -= 1,
                Event::End(_) => {
                    self.open.pop();
                }
                Event::Text(text) if skipped == 0 => self.text(text.as_ref(), at)?,
                Event::CData(text) if skipped == 0 => self.text(text.as_ref(), at)?,
                Event::GeneralRef(entity) if skipped == 0 => {
                    let name = String::from_utf8_lossy(entity.as_ref()).into_owned();
                    let text = unescape(&format!("&{name};")).map(Cow::into_owned);
                    let text = text.map_err(|_| self.fault(at, format!("the entity &{name}; is not known")))?;
                    self.append(&text);
                }
                Event::DocType(_) => {
                    let what = "a document type declaration (<!DOCTYPE), which is never read; remove it";
                    return Err(self.fault(at, what.to_owned()));
                }
                Event::Eof if skipped > 0 || !self.open.is_empty() => {
                    return Err(self.fault(self.source.len(), "the document ends inside an element".to_owned()));
                }
                Event::Eof if self.nodes.is_empty() => return Err(self.fault(0, "no element".to_owned())),
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn fault(&self, at: usize, what: String) -> Fault {
        Fault::syntax(line_of(self.source, at), what)
    }

    fn is_extension(&self, start: &BytesStart<'_>) -> bool {
        start.local_name().as_ref() == b"Extension" && !self.open.is_empty()
    }

    fn name(&mut self, name: &str) -> u32 {
        if let Some(id) = self.known.get(name) {
            return *id;
        }
        let id = self.names.len() as u32;
        self.names.push(name.into());
        self.known.insert(name.into(), id);
        id
    }

    /// Returns where in the source this slice of it stands.
    fn span(&self, part: &[u8]) -> Option<Span> {
        let start = (part.as_ptr() as usize).checked_sub(self.source.as_ptr() as usize)?;
        (start + part.len() <= self.source.len()).then_some(Span { start: start as u32, len: part.len() as u32 })
    }

    fn open(&mut self, start: &BytesStart<'_>, at: usize) -> Result<(), Fault> {
        if self.open.len() >= DEPTH_MAX {
            return Err(self.fault(at, format!("elements are nested deeper than {DEPTH_MAX}")));
        }
        if self.open.is_empty() && !self.nodes.is_empty() {
            return Err(self.fault(at, "a second outermost element".to_owned()));
        }
        let full = start.name();
        let full = std::str::from_utf8(full.as_ref()).map_err(|e| self.fault(at, e.to_string()))?;
        let first = self.nodes.is_empty();
        if first {
            self.prefix = full.split_once(':').map(|(prefix, _)| prefix.to_owned());
        }
        let local = match (&self.prefix, full.split_once(':')) {
            (Some(prefix), Some((p, local))) if p == prefix => local,
            _ => full,
        };
        let name = self.name(local);
        let attributes = self.attributes.len() as u32;
        for (i, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|error| self.fault(at, error.to_string()))?;
            if i >= ATTRIBUTES_MAX {
                return Err(self.fault(at, format!("an element has more than {ATTRIBUTES_MAX} attributes")));
            }
            let key = std::str::from_utf8(attribute.key.as_ref()).map_err(|e| self.fault(at, e.to_string()))?;
            let value = self.value(&attribute.value, at)?;
            if key == "xmlns" || key.starts_with("xmlns:") {
                let own = key.strip_prefix("xmlns").unwrap_or_default().trim_start_matches(':');
                if first && own == self.prefix.as_deref().unwrap_or_default() {
                    self.namespace = Some(self.text_of(value).into());
                }
                continue;
            }
            let name = self.name(key);
            self.attributes.push(Attribute { name, value });
        }
        let count = self.attributes.len() as u32 - attributes;
        let id = self.nodes.len() as u32;
        let text = Span { start: 0, len: 0 };
        let line = self.line(at);
        self.nodes.push(Node { name, first: NONE, next: NONE, attributes, count, text, line });
        if let Some((parent, last)) = self.open.last_mut() {
            match *last {
                NONE => self.nodes[*parent as usize].first = id,
                last => self.nodes[last as usize].next = id,
            }
            *last = id;
        }
        self.open.push((id, NONE));
        Ok(())
    }

    /// Returns the line of a place that is not before the last one asked for.
    fn line(&mut self, at: usize) -> u32 {
        let (from, lines) = self.counted;
        let more = self.source.as_bytes().get(from..at).unwrap_or_default().iter().filter(|&&b| b == b'\n').count();
        self.counted = (at.max(from), lines + more as u32);
        self.counted.1
    }

    /// Returns the span of an attribute's value, its entities resolved.
    fn value(&mut self, raw: &[u8], at: usize) -> Result<Span, Fault> {
        let text = std::str::from_utf8(raw).map_err(|e| self.fault(at, e.to_string()))?;
        let needs = raw.iter().any(|b| matches!(b, b'&' | b'\n' | b'\t' | b'\r'));
        match (needs, self.span(raw)) {
            (false, Some(span)) => Ok(span),
            _ => {
                let text = unescape(text).map_err(|error| self.fault(at, error.to_string()))?;
                // A line break in an attribute is a blank (XML 1.0, 3.3.3); one written as an entity stays.
                let text = if needs && !raw.contains(&b'&') {
                    text.replace(['\n', '\t', '\r'], " ")
                } else {
                    text.into_owned()
                };
                Ok(self.own(&text))
            }
        }
    }

    fn own(&mut self, text: &str) -> Span {
        let start = self.owned.len() as u32 | OWNED;
        self.owned.push_str(text);
        Span { start, len: text.len() as u32 }
    }

    fn text_of(&self, span: Span) -> String {
        let start = (span.start & !OWNED) as usize;
        let all = if span.start & OWNED == 0 { self.source } else { &self.owned };
        all.get(start..start + span.len as usize).unwrap_or_default().to_owned()
    }

    fn text(&mut self, part: &[u8], at: usize) -> Result<(), Fault> {
        let Some(&(id, last)) = self.open.last() else {
            let blank = part.iter().all(u8::is_ascii_whitespace);
            return if blank {
                Ok(())
            } else {
                Err(self.fault(at, "text outside of the outermost element".to_owned()))
            };
        };
        let held = self.nodes[id as usize].text;
        // Blanks between elements are no text.
        if part.iter().all(u8::is_ascii_whitespace) && (last != NONE || held.len == 0) && part.contains(&b'\n') {
            return Ok(());
        }
        match self.span(part) {
            Some(span) if held.len == 0 => self.nodes[id as usize].text = span,
            _ => {
                let text = std::str::from_utf8(part).map_err(|e| self.fault(at, e.to_string()))?.to_owned();
                self.append(&text);
            }
        }
        Ok(())
    }

    /// Adds to the text of the open element.
    fn append(&mut self, more: &str) {
        let Some(&(id, _)) = self.open.last() else { return };
        let held = self.nodes[id as usize].text;
        let is_last = held.start & OWNED != 0 && (held.start & !OWNED) as usize + held.len as usize == self.owned.len();
        let span = if is_last && held.len > 0 {
            self.owned.push_str(more);
            Span { start: held.start, len: held.len + more.len() as u32 }
        } else {
            let whole = self.text_of(held) + more;
            self.own(&whole)
        };
        self.nodes[id as usize].text = span;
    }
}

fn line_of(source: &str, at: usize) -> usize {
    let bytes = source.as_bytes();
    1 + bytes[..at.min(bytes.len())].iter().filter(|&&b| b == b'\n').count()
}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}> at line {}", self.name(), self.line())
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node && std::ptr::eq(self.document, other.document)
    }
}

impl<'d> Element<'d> {
    fn node(self) -> &'d Node {
        &self.document.nodes[self.node as usize]
    }

    /// Returns the element's name without the root's prefix.
    pub fn name(self) -> &'d str {
        &self.document.names[self.node().name as usize]
    }

    /// Returns a number that no other element of the document has.
    pub fn id(self) -> u32 {
        self.node
    }

    /// Returns the line on which it begins, from 1.
    pub fn line(self) -> usize {
        self.node().line as usize
    }

    pub fn document(self) -> &'d Document<'d> {
        self.document
    }

    /// Returns the value of an attribute.
    pub fn attr(self, name: &str) -> Option<&'d str> {
        self.attrs().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// Returns the attributes in their order.
    pub fn attrs(self) -> impl Iterator<Item = (&'d str, &'d str)> {
        let node = self.node();
        let range = node.attributes as usize..(node.attributes + node.count) as usize;
        let document = self.document;
        document.attributes[range].iter().map(move |a| (&*document.names[a.name as usize], document.span(a.value)))
    }

    /// Returns the text directly inside of the element.
    pub fn text(self) -> &'d str {
        self.document.span(self.node().text)
    }

    /// Returns the elements directly inside of it.
    pub fn children(self) -> impl Iterator<Item = Element<'d>> {
        let document = self.document;
        let at = move |node: u32| (node != NONE).then_some(Element { document, node });
        std::iter::successors(at(self.node().first), move |e| at(e.node().next))
    }

    /// Returns the first child of this name.
    pub fn child(self, name: &str) -> Option<Element<'d>> {
        self.children().find(|e| e.name() == name)
    }

    /// Returns the children of this name.
    pub fn all(self, name: &'static str) -> impl Iterator<Item = Element<'d>> {
        self.children().filter(move |e| e.name() == name)
    }

    /// Returns all elements inside of it, at any depth, in the order of the document, itself first.
    pub fn descendants(self) -> impl Iterator<Item = Element<'d>> {
        let mut open = vec![self.children().collect::<Vec<_>>().into_iter()];
        std::iter::once(self).chain(std::iter::from_fn(move || {
            loop {
                match open.last_mut()?.next() {
                    Some(element) => {
                        open.push(element.children().collect::<Vec<_>>().into_iter());
                        return Some(element);
                    }
                    None => open.pop(),
                };
            }
        }))
    }

    /// Returns the attribute, which has to be there.
    pub fn required(self, name: &'static str) -> Result<&'d str, Fault> {
        self.attr(name).ok_or_else(|| self.fault(format!("attribute {name}"), "a value", "none"))
    }

    /// Returns the child, which has to be there.
    pub fn required_child(self, name: &'static str) -> Result<Element<'d>, Fault> {
        self.child(name).ok_or_else(|| self.fault(format!("element {name}"), "one", "none"))
    }

    /// Returns the attribute as a number.
    pub fn f64(self, name: &'static str) -> Result<Option<f64>, Fault> {
        self.attr(name).map(|text| self.number(name, text)).transpose()
    }

    /// Returns the attribute as a number, which has to be there.
    pub fn required_f64(self, name: &'static str) -> Result<f64, Fault> {
        self.number(name, self.required(name)?)
    }

    /// Returns the attribute as a whole number that is not negative.
    pub fn usize(self, name: &'static str) -> Result<Option<usize>, Fault> {
        let Some(text) = self.attr(name) else { return Ok(None) };
        let number = text.trim().parse::<usize>();
        number.map(Some).map_err(|_| self.fault(format!("attribute {name}"), "a whole number, 0 or above", text))
    }

    /// Returns the attribute as a truth value; `default` where there is none.
    pub fn bool(self, name: &'static str, default: bool) -> Result<bool, Fault> {
        match self.attr(name).map(str::trim) {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(text) => Err(self.fault(format!("attribute {name}"), "true or false", text)),
        }
    }

    /// Returns the text as a number, as XML Schema and the tools write it.
    pub fn number(self, field: &str, text: &str) -> Result<f64, Fault> {
        parse_number(text).ok_or_else(|| self.fault(field.to_owned(), "a number", text))
    }

    /// Returns the fault of this place.
    pub fn fault(self, field: impl Into<String>, expected: impl Into<String>, got: impl Into<String>) -> Fault {
        let mut got: String = got.into();
        if let Some((end, _)) = got.char_indices().nth(120) {
            got.truncate(end);
            got.push_str("..");
        }
        let element = format!("{} at line {}", self.name(), self.line());
        Fault::Field { element, field: field.into(), expected: expected.into(), got }
    }

    /// Returns the fault of what is not read yet.
    pub fn unimplemented(self, what: impl Into<String>) -> Fault {
        Fault::Unimplemented { element: format!("{} at line {}", self.name(), self.line()), what: what.into() }
    }
}

/// Returns the number that a text says: `1.5`, `-1e-3`, `INF`, `-INF`, `NaN`, and Java's `Infinity`.
pub fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    match text {
        "INF" | "Infinity" | "+INF" => Some(f64::INFINITY),
        "-INF" | "-Infinity" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')) => {
            text.parse().ok()
        }
        _ => None,
    }
}
