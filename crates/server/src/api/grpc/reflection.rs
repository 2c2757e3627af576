//! gRPC's server reflection: which services there are, and the files that describe them.

use std::sync::LazyLock;

use wire::{
    DESCRIPTORS, FileDescriptorSet, Message,
    grpc::reflection::v1::{
        ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse,
        ServiceResponse, server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
};

use super::METHODS;
use crate::error::cut;

const NOT_FOUND: i32 = 5;
const UNIMPLEMENTED: i32 = 12;

/// One file, what it defines and what it needs.
struct File {
    name: String,
    imports: Vec<String>,
    symbols: Vec<String>,
    bytes: Vec<u8>,
}

/// Read once: the first that asks waits a millisecond.
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    let file = |file: wire::FileDescriptorProto| {
        let bytes = file.encode_to_vec();
        let package = file.package();
        let full = |name: &str| if package.is_empty() { name.to_owned() } else { format!("{package}.{name}") };
        let mut symbols = Vec::new();
        for service in &file.service {
            let service_name = full(service.name());
            symbols.extend(service.method.iter().map(|method| format!("{service_name}.{}", method.name())));
            symbols.push(service_name);
        }
        // Messages within messages stand in the file of the outer one, which is found by its beginning.
        symbols.extend(file.message_type.iter().map(|message| full(message.name())));
        symbols.extend(file.enum_type.iter().map(|of| full(of.name())));
        File { name: file.name().to_owned(), imports: file.dependency.clone(), symbols, bytes }
    };
    set.file.into_iter().map(file).collect()
});

/// Answers one request.
pub(super) fn answer(request: ServerReflectionRequest) -> ServerReflectionResponse {
    let not_found = |what: &str, name: &str| error(NOT_FOUND, format!("no {what} {} here", cut(name)));
    let response = match &request.message_request {
        Some(MessageRequest::ListServices(_)) => MessageResponse::ListServicesResponse(services()),
        Some(MessageRequest::FileByFilename(name)) => match FILES.iter().find(|file| file.name == *name) {
            Some(file) => with_imports(file),
            None => not_found("file", name),
        },
        Some(MessageRequest::FileContainingSymbol(symbol)) => match FILES.iter().find(|file| file.defines(symbol)) {
            Some(file) => with_imports(file),
            None => not_found("symbol", symbol),
        },
        Some(MessageRequest::FileContainingExtension(of)) => not_found("extension of", &of.containing_type),
        Some(MessageRequest::AllExtensionNumbersOfType(of)) => not_found("extension of", of),
        None => error(UNIMPLEMENTED, "what is asked is not known here".to_owned()),
    };
    ServerReflectionResponse {
        valid_host: request.host.clone(),
        original_request: Some(request),
        message_response: Some(response),
    }
}

fn error(error_code: i32, error_message: String) -> MessageResponse {
    MessageResponse::ErrorResponse(ErrorResponse { error_code, error_message })
}

/// Returns the services that the table has.
fn services() -> ListServiceResponse {
    let mut names: Vec<&str> = METHODS.iter().filter_map(|(path, ..)| path[1..].split('/').next()).collect();
    names.sort_unstable();
    names.dedup();
    ListServiceResponse { service: names.into_iter().map(|name| ServiceResponse { name: name.to_owned() }).collect() }
}

impl File {
    fn defines(&self, symbol: &str) -> bool {
        let within = |outer: &String| symbol.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('.'));
        self.symbols.iter().any(|known| known == symbol || within(known))
    }
}

/// Returns a file and all that it needs, which spares clients further questions.
fn with_imports(file: &File) -> MessageResponse {
    let mut files = vec![file];
    let mut next = 0;
    while let Some(file) = files.get(next) {
        next += 1;
        for import in &file.imports {
            if let Some(found) = FILES.iter().find(|file| file.name == *import)
                && !files.iter().any(|file| file.name == found.name)
            {
                files.push(found);
            }
        }
    }
    let file_descriptor_proto = files.iter().map(|file| file.bytes.clone()).collect();
    MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_of(symbol: &str) -> usize {
        let request = Some(MessageRequest::FileContainingSymbol(symbol.to_owned()));
        let answer = answer(ServerReflectionRequest { host: String::new(), message_request: request });
        match answer.message_response {
            Some(MessageResponse::FileDescriptorResponse(files)) => files.file_descriptor_proto.len(),
            _ => 0,
        }
    }

    #[test]
    fn every_service_is_described_with_its_methods() {
        for (path, ..) in METHODS {
            assert!(files_of(&path[1..].replace('/', ".")) > 0, "{path}");
        }
        assert_eq!(files_of("tensorflow.serving.PredictionService"), 4, "with what it imports");
        assert_eq!(files_of("inference.ModelInferRequest.InferInputTensor"), 1);
        assert_eq!(files_of("inference.ModelInferRequestX"), 0);
    }
}
