//! TensorFlow by its C API: the few functions that load a model and run it, found in a library by name.
//!
//! Source of the signatures: `tensorflow/c/c_api.h`, `tf_tensor.h`, `tf_status.h`, `tf_buffer.h`, `tf_tstring.h` of TensorFlow 2.
#![allow(unsafe_code, non_snake_case)]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    path::Path,
    ptr,
};

use libloading::Library;
use model::{
    DType, Tensor, Type, Whole,
    tensor::{Bytes, Data, RANK_MAX},
};

use super::super::{Refusal, Runs};
use crate::wire::{
    Code, Form, Run,
    value::{numbers, put_numbers},
};

/// A pointer to what only the library knows.
type Handle = *mut c_void;

/// `TF_Output`: an output of an operation of a graph.
#[repr(C)]
#[derive(Clone, Copy)]
struct Port {
    operation: Handle,
    index: c_int,
}

/// Bytes of a `TF_TString`, which holds short texts itself.
const TEXT_BYTES: usize = 24;

/// The number of texts' type; that of numbers' types by their place.
const STRING: c_int = 7;
const DTYPES: [(DType, c_int); 14] = [
    (DType::F32, 1),
    (DType::F64, 2),
    (DType::I32, 3),
    (DType::U8, 4),
    (DType::I16, 5),
    (DType::I8, 6),
    (DType::C64, 8),
    (DType::I64, 9),
    (DType::Bool, 10),
    (DType::BF16, 14),
    (DType::U16, 17),
    (DType::F16, 19),
    (DType::U32, 22),
    (DType::U64, 23),
];

macro_rules! api {
    ($($name:ident: fn($($arg:ty),*) $(-> $gives:ty)?;)*) => {
        /// The functions; the library stays open as long as they are there.
        struct Api {
            $($name: unsafe extern "C" fn($($arg),*) $(-> $gives)?,)*
            _library: Library,
        }

        impl Api {
            fn open(library: &str) -> Result<Api, libloading::Error> {
                // SAFETY: opening runs what the library runs when it is opened: whoever configured it vouches for it.
                let library = unsafe { Library::new(library) }?;
                $(
                    // SAFETY: the C API declares the function so.
                    let $name = *unsafe {
                        library.get::<unsafe extern "C" fn($($arg),*) $(-> $gives)?>(stringify!($name))
                    }?;
                )*
                Ok(Api { $($name,)* _library: library })
            }
        }
    };
}

api! {
    TF_Version: fn() -> *const c_char;
    TF_NewStatus: fn() -> Handle;
    TF_DeleteStatus: fn(Handle);
    TF_GetCode: fn(Handle) -> c_int;
    TF_Message: fn(Handle) -> *const c_char;
    TF_NewGraph: fn() -> Handle;
    TF_NewSessionOptions: fn() -> Handle;
    TF_SetConfig: fn(Handle, *const c_void, usize, Handle);
    TF_LoadSessionFromSavedModel: fn(Handle, Handle, *const c_char, *const *const c_char, c_int, Handle, Handle, Handle) -> Handle;
    TF_NewBufferFromString: fn(*const c_void, usize) -> Handle;
    TF_DeleteBuffer: fn(Handle);
    TF_NewImportGraphDefOptions: fn() -> Handle;
    TF_DeleteImportGraphDefOptions: fn(Handle);
    TF_GraphImportGraphDef: fn(Handle, Handle, Handle, Handle);
    TF_NewSession: fn(Handle, Handle, Handle) -> Handle;
    TF_GraphOperationByName: fn(Handle, *const c_char) -> Handle;
    TF_OperationNumOutputs: fn(Handle) -> c_int;
    TF_OperationOutputType: fn(Port) -> c_int;
    TF_AllocateTensor: fn(c_int, *const i64, c_int, usize) -> Handle;
    TF_DeleteTensor: fn(Handle);
    TF_TensorType: fn(Handle) -> c_int;
    TF_NumDims: fn(Handle) -> c_int;
    TF_Dim: fn(Handle, c_int) -> i64;
    TF_TensorByteSize: fn(Handle) -> usize;
    TF_TensorData: fn(Handle) -> *mut c_void;
    TF_StringInit: fn(*mut c_void);
    TF_StringCopy: fn(*mut c_void, *const c_char, usize);
    TF_StringDealloc: fn(*mut c_void);
    TF_StringGetDataPointer: fn(*const c_void) -> *const c_char;
    TF_StringGetSize: fn(*const c_void) -> usize;
    TF_SessionRun: fn(
        Handle, Handle, *const Port, *const Handle, c_int, *const Port, *mut Handle, c_int, *const Handle, c_int, Handle, Handle
    );
}

/// The opened library.
pub struct Engine(Api);

/// A model of it. Graph and session live as long as the process.
pub struct Model {
    api: Api,
    graph: Handle,
    session: Handle,
}

type Made<T> = Result<T, Refusal>;

fn failed(message: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::Failed, message)
}

fn c_text(text: &str) -> Made<CString> {
    CString::new(text).map_err(|_| failed(format_args!("a zero byte in {text:?}")))
}

// === impl Api ===

impl Api {
    /// Calls with a status; returns what the status says in the end.
    fn checked<T>(&self, call: impl FnOnce(&Api, Handle) -> T) -> Made<T> {
        // SAFETY: the status is made here, read here and deleted here; its message is copied before.
        unsafe {
            let status = (self.TF_NewStatus)();
            let gives = call(self, status);
            let code = (self.TF_GetCode)(status);
            let result = if code == 0 {
                Ok(gives)
            } else {
                let message = CStr::from_ptr((self.TF_Message)(status)).to_string_lossy().into_owned();
                let code = match code {
                    3 | 11 => Code::Invalid,
                    8 => Code::Exhausted,
                    12 => Code::Unimplemented,
                    _ => Code::Failed,
                };
                Err(Refusal::new(code, message))
            };
            (self.TF_DeleteStatus)(status);
            result
        }
    }

    /// Makes a tensor of the library's own.
    fn give(&self, tensor: &Tensor) -> Made<Owned<'_>> {
        let dims: Vec<i64> = tensor.shape().iter().map(|dim| *dim as i64).collect();
        let mut bytes = Vec::new();
        put_numbers(tensor.data(), &mut bytes);
        let (number, size) = match tensor.dtype() {
            None => (STRING, tensor.len() * TEXT_BYTES),
            Some(dtype) => {
                let known = DTYPES.iter().find(|(known, _)| *known == dtype);
                (known.ok_or_else(|| failed(format_args!("no tensor of {dtype}")))?.1, bytes.len())
            }
        };
        // SAFETY: `dims` are as many as told; the size is that of all elements.
        let made = unsafe { (self.TF_AllocateTensor)(number, dims.as_ptr(), dims.len() as c_int, size) };
        if made.is_null() {
            return Err(Refusal::new(Code::Exhausted, format_args!("no room for a tensor of {size} bytes")));
        }
        // SAFETY: the tensor was just made, with `size` bytes of its own.
        let data = unsafe { (self.TF_TensorData)(made) };
        match tensor.data() {
            Data::Bytes(texts) => {
                for (place, text) in texts.iter().enumerate() {
                    // SAFETY: there is room for as many texts as the tensor has elements; each is made before it is set.
                    unsafe {
                        let at = data.byte_add(place * TEXT_BYTES);
                        (self.TF_StringInit)(at);
                        (self.TF_StringCopy)(at, text.as_ptr().cast(), text.len());
                    }
                }
                Ok(Owned { api: self, tensor: made, texts: texts.len() })
            }
            _ => {
                if size > 0 {
                    // SAFETY: `size` bytes are there on both sides, which are different ones.
                    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), size) };
                }
                Ok(Owned { api: self, tensor: made, texts: 0 })
            }
        }
    }

    /// Copies a tensor of the library.
    fn take(&self, tensor: Handle) -> Made<Tensor> {
        // SAFETY: the tensor is the library's, and alive; the functions read it.
        let (number, rank, size, data) = unsafe {
            let rank = (self.TF_NumDims)(tensor);
            ((self.TF_TensorType)(tensor), rank, (self.TF_TensorByteSize)(tensor), (self.TF_TensorData)(tensor))
        };
        let rank = usize::try_from(rank).ok().filter(|rank| *rank <= RANK_MAX);
        let rank = rank.ok_or_else(|| failed("an output has too many dimensions"))?;
        // SAFETY: as above, for dimensions that there are.
        let dim = |i: usize| usize::try_from(unsafe { (self.TF_Dim)(tensor, i as c_int) });
        let shape: Vec<usize> =
            (0..rank).map(dim).collect::<Result<_, _>>().map_err(|_| failed("an output has a negative dimension"))?;
        let elements = shape.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
        let elements = elements.ok_or_else(|| failed("an output has too many elements"))?;
        let data = if number == STRING {
            if elements.checked_mul(TEXT_BYTES) != Some(size) {
                return Err(failed("an output of texts is not as long as its shape says"));
            }
            (0..elements).map(|place| self.text(data, place)).collect::<Vec<Bytes>>().into()
        } else {
            let dtype = DTYPES.iter().find(|(_, known)| *known == number);
            let dtype = dtype.ok_or_else(|| {
                Refusal::new(Code::Unimplemented, format_args!("an output of the type {number} of types.proto"))
            })?;
            let bytes: &[u8] = if size == 0 {
                &[]
            } else {
                // SAFETY: a tensor of numbers has so many bytes there, which nobody changes meanwhile.
                unsafe { std::slice::from_raw_parts(data.cast(), size) }
            };
            numbers(dtype.0, bytes).ok_or_else(|| failed("an output is cut within an element"))?
        };
        Tensor::new(&shape, data).map_err(|error| Refusal::new(Code::Exhausted, error))
    }

    /// Copies a text of a tensor of texts.
    fn text(&self, data: *mut c_void, place: usize) -> Bytes {
        // SAFETY: the tensor has a text at this place, which says where its bytes are and how many.
        unsafe {
            let at = data.byte_add(place * TEXT_BYTES);
            let (bytes, size) = ((self.TF_StringGetDataPointer)(at), (self.TF_StringGetSize)(at));
            if size == 0 { Bytes::default() } else { std::slice::from_raw_parts(bytes.cast::<u8>(), size).into() }
        }
    }
}

/// A tensor that is deleted in the end, with the texts that we put there.
struct Owned<'a> {
    api: &'a Api,
    tensor: Handle,
    texts: usize,
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: it is ours, and dropped once; texts of inputs were made by us, those of outputs go with their tensor.
        unsafe {
            let data = if self.texts > 0 { (self.api.TF_TensorData)(self.tensor) } else { ptr::null_mut() };
            (0..self.texts).for_each(|place| (self.api.TF_StringDealloc)(data.byte_add(place * TEXT_BYTES)));
            (self.api.TF_DeleteTensor)(self.tensor);
        }
    }
}

// === impl Engine ===

impl Engine {
    pub fn open(library: &str) -> Made<Engine> {
        Api::open(library)
            .map(Engine)
            .map_err(|error| failed(format_args!("engines.tensorflow = {library:?} is not its library: {error}")))
    }

    /// Loads a model; what initialises it is run.
    pub fn load(self, folder: &Path, form: &Form, threads: u32) -> Made<Model> {
        let api = self.0;
        // SAFETY: these make things that live as long as the process.
        let (graph, options) = unsafe { ((api.TF_NewGraph)(), (api.TF_NewSessionOptions)()) };
        // A ConfigProto with the threads within an operation (2) and between operations (5).
        let threads = threads.clamp(1, 127) as u8;
        let config = [0x10, threads, 0x28, threads];
        // SAFETY: the bytes are read only.
        api.checked(|api, status| unsafe {
            (api.TF_SetConfig)(options, config.as_ptr().cast(), config.len(), status);
        })?;
        let session = match form {
            Form::SavedModel { tags } => saved(&api, graph, options, folder, tags)?,
            Form::Graph { file, .. } => frozen(&api, graph, options, &folder.join(file))?,
            Form::Onnx { .. } => return Err(failed("an ONNX model is none of TensorFlow's")),
        };
        let model = Model { api, graph, session };
        if let Form::Graph { init, .. } = form
            && !init.is_empty()
        {
            let targets = init.iter().map(|name| model.operation(name)).collect::<Made<Vec<Handle>>>()?;
            model.session_run(&[], &[], &[], &targets)?;
        }
        Ok(model)
    }
}

fn saved(api: &Api, graph: Handle, options: Handle, folder: &Path, tags: &[String]) -> Made<Handle> {
    let folder = c_text(&folder.display().to_string())?;
    let tags = tags.iter().map(|tag| c_text(tag)).collect::<Made<Vec<CString>>>()?;
    let tags: Vec<*const c_char> = tags.iter().map(|tag| tag.as_ptr()).collect();
    let none = ptr::null_mut();
    // SAFETY: texts end with a zero byte and outlive the call; the tags are as many as told.
    api.checked(|api, status| unsafe {
        let (tags, count) = (tags.as_ptr(), tags.len() as c_int);
        (api.TF_LoadSessionFromSavedModel)(options, none, folder.as_ptr(), tags, count, graph, none, status)
    })
}

fn frozen(api: &Api, graph: Handle, options: Handle, file: &Path) -> Made<Handle> {
    let bytes = std::fs::read(file).map_err(|error| failed(format_args!("the graph's file: {error}")))?;
    // SAFETY: the bytes are copied to a buffer, which is deleted after its use, as the options are.
    api.checked(|api, status| unsafe {
        let buffer = (api.TF_NewBufferFromString)(bytes.as_ptr().cast(), bytes.len());
        let import = (api.TF_NewImportGraphDefOptions)();
        (api.TF_GraphImportGraphDef)(graph, buffer, import, status);
        (api.TF_DeleteImportGraphDefOptions)(import);
        (api.TF_DeleteBuffer)(buffer);
    })?;
    // SAFETY: both are alive.
    api.checked(|api, status| unsafe { (api.TF_NewSession)(graph, options, status) })
}

// === impl Model ===

impl Model {
    fn operation(&self, name: &str) -> Made<Handle> {
        let text = c_text(name)?;
        // SAFETY: the graph is alive; the text ends with a zero byte.
        let operation = unsafe { (self.api.TF_GraphOperationByName)(self.graph, text.as_ptr()) };
        if operation.is_null() { Err(failed(format_args!("the graph has no node `{name}`"))) } else { Ok(operation) }
    }

    /// Returns the output that a tensor's name means: `node:slot`, or `node` for the first.
    fn port(&self, name: &str) -> Made<Port> {
        let (node, slot) = name.rsplit_once(':').unwrap_or((name, "0"));
        let operation = self.operation(node)?;
        // SAFETY: the operation is one of the graph.
        let outputs = unsafe { (self.api.TF_OperationNumOutputs)(operation) };
        let index = slot.parse().ok().filter(|index| (0..outputs).contains(index));
        let index = index.ok_or_else(|| failed(format_args!("the node `{node}` has no output {slot}")))?;
        Ok(Port { operation, index })
    }

    fn session_run(
        &self,
        ports: &[Port],
        inputs: &[Handle],
        outputs: &[Port],
        targets: &[Handle],
    ) -> Made<Vec<Handle>> {
        let mut gives = vec![ptr::null_mut(); outputs.len()];
        let none = ptr::null_mut();
        // SAFETY: session, operations and tensors are alive; every list is as long as told, and outputs have their places.
        self.api.checked(|api, status| unsafe {
            (api.TF_SessionRun)(
                self.session,
                none,
                ports.as_ptr(),
                inputs.as_ptr(),
                inputs.len() as c_int,
                outputs.as_ptr(),
                gives.as_mut_ptr(),
                outputs.len() as c_int,
                targets.as_ptr(),
                targets.len() as c_int,
                none,
                status,
            );
        })?;
        Ok(gives)
    }
}

impl Runs for Model {
    fn version(&self) -> String {
        // SAFETY: the text is the library's, and never changes.
        unsafe { CStr::from_ptr((self.api.TF_Version)()) }.to_string_lossy().into_owned()
    }

    fn types(&self, outputs: &[String]) -> Vec<Option<Type>> {
        let ty = |name: &String| {
            let port = self.port(name).ok()?;
            // SAFETY: the output is one of the graph.
            let number = unsafe { (self.api.TF_OperationOutputType)(port) };
            if number == STRING {
                return Some(Type::Bytes);
            }
            DTYPES.iter().find(|(_, known)| *known == number).map(|(dtype, _)| Type::scalar(*dtype))
        };
        outputs.iter().map(ty).collect()
    }

    fn run(&mut self, run: &Run) -> Made<Vec<Whole>> {
        let (mut ports, mut given) = (Vec::new(), Vec::new());
        for (name, whole) in &run.inputs {
            let tensor = whole.as_tensor();
            let tensor = tensor.ok_or_else(|| Refusal::new(Code::Invalid, format_args!("{name}: {}", whole.kind())))?;
            ports.push(self.port(name)?);
            given.push(self.api.give(tensor)?);
        }
        let inputs: Vec<Handle> = given.iter().map(|tensor| tensor.tensor).collect();
        let outputs = run.outputs.iter().map(|name| self.port(name)).collect::<Made<Vec<Port>>>()?;
        let gives = self.session_run(&ports, &inputs, &outputs, &[])?;
        let gives: Vec<Owned<'_>> = gives
            .into_iter()
            .filter(|tensor| !tensor.is_null())
            .map(|tensor| Owned { api: &self.api, tensor, texts: 0 })
            .collect();
        // Outputs may share the place of inputs, which live until here.
        let answer = gives.iter().map(|tensor| self.api.take(tensor.tensor).map(Whole::Tensor)).collect();
        drop(gives);
        drop(given);
        answer
    }
}
