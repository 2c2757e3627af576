//! What a child and its parent say to each other: frames of bounded length, and the messages in them.
//!
//! A frame is four known bytes, a length, and so many bytes. Numbers are the machine's own: both ends are one binary. A parent
//! trusts no frame: a child that runs a hostile graph may send anything, so every count is compared with the bytes that are
//! there before anything is reserved.

use std::{
    fmt,
    io::{self, Read, Write},
};

use model::{Type, Whole};

pub mod value;

use value::{Garbled, Reader, Writer};

/// Whose engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tensorflow,
    Onnxruntime,
}

impl Kind {
    /// Its name, as users write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Tensorflow => "tensorflow",
            Kind::Onnxruntime => "onnxruntime",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a model's folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A SavedModel: the meta graph of these tags.
    SavedModel { tags: Vec<String> },
    /// One file that is a graph; these of its nodes run once, before the first call.
    Graph { file: String, init: Vec<String> },
    /// One file that is an ONNX model.
    Onnx { file: String },
}

/// The first message to a child: what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    pub kind: Kind,
    pub library: String,
    /// The folder of the model.
    pub folder: String,
    pub form: Form,
    /// The tensors whose types the parent wants to know.
    pub outputs: Vec<String>,
    pub threads: u32,
    pub memory_bytes_max: u64,
    pub cpu_seconds_max: u64,
    pub answer_bytes_max: u64,
}

/// A call: tensors of the graph by name, in and out.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub inputs: Vec<(String, Whole)>,
    pub outputs: Vec<String>,
}

/// Why an engine refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The values do not fit.
    Invalid,
    Unimplemented,
    /// Over a limit.
    Exhausted,
    /// Anything else.
    Failed,
}

/// What a child says.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// It is ready. The types are those of the outputs of [`Load`], as far as the engine knows them.
    Loaded {
        version: String,
        /// Whether the kernel keeps it from all files but its own.
        is_confined: bool,
        types: Vec<Option<Type>>,
    },
    /// The outputs in the order asked.
    Answer(Vec<Whole>),
    Refused {
        code: Code,
        message: String,
    },
}

/// How a frame begins.
const MARK: [u8; 4] = *b"fbe1";

/// Characters of a message that are passed on.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// Writes a frame.
pub fn write_frame(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&MARK)?;
    to.write_all(&(bytes.len() as u64).to_ne_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}

/// Reads a frame of at most so many bytes; `None` at the end. What is no frame is an error of the kind `InvalidData`.
pub fn read_frame(from: &mut impl Read, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut mark = [0; 4];
    let mut got = 0;
    while got < mark.len() {
        match from.read(&mut mark[got..]) {
            Ok(0) if got == 0 => return Ok(None),
            Ok(0) => return Err(wrong(format!("{:?} and no more", String::from_utf8_lossy(&mark[..got])))),
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if mark != MARK {
        return Err(wrong(format!("a frame that begins with {:?}", String::from_utf8_lossy(&mark))));
    }
    let mut len = [0; 8];
    let cut = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => wrong("a frame that is cut".to_owned()),
        _ => error,
    };
    from.read_exact(&mut len).map_err(cut)?;
    let len = u64::from_ne_bytes(len);
    if len > bytes_max {
        return Err(wrong(format!("a frame of {len} bytes, more than {bytes_max}")));
    }
    // Room grows with what comes, not with what is claimed.
    let mut bytes = Vec::new();
    from.take(len).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != len {
        return Err(wrong("a frame that is cut".to_owned()));
    }
    Ok(Some(bytes))
}

// === impl Load ===

impl Load {
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.u8(match self.kind {
            Kind::Tensorflow => 0,
            Kind::Onnxruntime => 1,
        });
        to.text(&self.library);
        to.text(&self.folder);
        match &self.form {
            Form::SavedModel { tags } => {
                to.u8(0);
                to.texts(tags);
            }
            Form::Graph { file, init } => {
                to.u8(1);
                to.text(file);
                to.texts(init);
            }
            Form::Onnx { file } => {
                to.u8(2);
                to.text(file);
            }
        }
        to.texts(&self.outputs);
        to.u64(self.threads.into());
        to.u64(self.memory_bytes_max);
        to.u64(self.cpu_seconds_max);
        to.u64(self.answer_bytes_max);
        to.bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Load, Garbled> {
        let mut from = Reader::new(bytes);
        let kind = match from.u8()? {
            0 => Kind::Tensorflow,
            1 => Kind::Onnxruntime,
            _ => return Err(Garbled("an unknown engine")),
        };
        let (library, folder) = (from.text()?, from.text()?);
        let form = match from.u8()? {
            0 => Form::SavedModel { tags: from.texts()? },
            1 => Form::Graph { file: from.text()?, init: from.texts()? },
            2 => Form::Onnx { file: from.text()? },
            _ => return Err(Garbled("an unknown form of model")),
        };
        let outputs = from.texts()?;
        let threads = u32::try_from(from.u64()?).map_err(|_| Garbled("a number of threads"))?;
        let (memory_bytes_max, cpu_seconds_max, answer_bytes_max) = (from.u64()?, from.u64()?, from.u64()?);
        from.end()?;
        Ok(Load { kind, library, folder, form, outputs, threads, memory_bytes_max, cpu_seconds_max, answer_bytes_max })
    }
}

// === impl Run ===

impl Run {
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.u64(self.inputs.len() as u64);
        for (name, whole) in &self.inputs {
            to.text(name);
            to.whole(whole);
        }
        to.texts(&self.outputs);
        to.bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Run, Garbled> {
        let mut from = Reader::new(bytes);
        let mut inputs = Vec::new();
        for _ in 0..from.count(1)? {
            inputs.push((from.text()?, from.whole()?));
        }
        let outputs = from.texts()?;
        from.end()?;
        Ok(Run { inputs, outputs })
    }
}

// === impl Told ===

impl Told {
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        match self {
            Told::Loaded { version, is_confined, types } => {
                to.u8(0);
                to.text(version);
                to.u8((*is_confined).into());
                to.u64(types.len() as u64);
                types.iter().for_each(|ty| to.element(ty.as_ref()));
            }
            Told::Answer(values) => {
                to.u8(1);
                to.u64(values.len() as u64);
                values.iter().for_each(|value| to.whole(value));
            }
            Told::Refused { code, message } => {
                to.u8(2);
                to.u8(*code as u8);
                to.text(message);
            }
        }
        to.bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Told, Garbled> {
        let mut from = Reader::new(bytes);
        let told = match from.u8()? {
            0 => {
                let (version, is_confined) = (from.text()?, from.u8()? != 0);
                let count = from.count(1)?;
                let types = (0..count).map(|_| from.element()).collect::<Result<_, _>>()?;
                Told::Loaded { version, is_confined, types }
            }
            1 => {
                let count = from.count(1)?;
                Told::Answer((0..count).map(|_| from.whole()).collect::<Result<_, _>>()?)
            }
            2 => {
                let code = match from.u8()? {
                    0 => Code::Invalid,
                    1 => Code::Unimplemented,
                    2 => Code::Exhausted,
                    _ => Code::Failed,
                };
                Told::Refused { code, message: shown(&from.text()?, MESSAGE_CHARS_MAX) }
            }
            _ => return Err(Garbled("an unknown message")),
        };
        from.end()?;
        Ok(told)
    }
}

/// Returns at most so many characters of a text, none of which moves a cursor.
pub(crate) fn shown(text: &str, chars_max: usize) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = plain.take(chars_max).collect();
    if text.chars().nth(chars_max).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use model::{DType, Tensor};

    use super::*;

    #[test]
    fn messages_come_back_as_they_were() {
        let load = Load {
            kind: Kind::Onnxruntime,
            library: "l.so".to_owned(),
            folder: "f".to_owned(),
            form: Form::Graph { file: "g".to_owned(), init: vec!["a".to_owned(), "b".to_owned()] },
            outputs: vec!["y:0".to_owned()],
            threads: 2,
            memory_bytes_max: 1 << 33,
            cpu_seconds_max: 3,
            answer_bytes_max: 4,
        };
        assert_eq!(Load::decode(&load.encode()), Ok(load));
        let run = Run {
            inputs: vec![("x".to_owned(), Tensor::vector(vec![1.5f32, -2.0]).into())],
            outputs: vec!["y".to_owned()],
        };
        assert_eq!(Run::decode(&run.encode()), Ok(run));
        for told in [
            Told::Loaded {
                version: "2".to_owned(),
                is_confined: true,
                types: vec![None, Some(Type::Bytes), Some(Type::scalar(DType::C64))],
            },
            Told::Answer(vec![Whole::Absent, Tensor::scalar(7i64).into()]),
            Told::Refused { code: Code::Exhausted, message: "no".to_owned() },
        ] {
            assert_eq!(Told::decode(&told.encode()), Ok(told));
        }
    }

    #[test]
    fn what_is_no_frame_is_refused_before_room_is_made() {
        let read = |bytes: &[u8]| read_frame(&mut &*bytes, 100).map_err(|error| error.to_string());
        let mut frame = Vec::new();
        write_frame(&mut frame, b"hello").unwrap();
        assert_eq!(read(&frame), Ok(Some(b"hello".to_vec())));
        assert_eq!(read(b""), Ok(None));
        assert!(read(b"Hello, world").unwrap_err().contains("begins with \"Hell\""));
        assert!(read(&frame[..10]).unwrap_err().contains("cut"));
        assert!(read(&frame[..14]).unwrap_err().contains("cut"));
        let mut long = MARK.to_vec();
        long.extend(u64::MAX.to_ne_bytes());
        assert!(read(&long).unwrap_err().contains("more than 100"));
    }

    #[test]
    fn a_text_of_others_moves_no_cursor() {
        assert_eq!(shown("a\u{1b}[2J\nb", 10), "a [2J b");
        assert_eq!(shown("abc", 2), "ab…");
    }
}
