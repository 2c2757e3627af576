//! Short words for what a document is made of: schemas, and operations with their parameters and answers.

use serde_json::Value;
use utoipa::openapi::{
    Content, Ref, RefOr, Required, Response,
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    response::ResponseBuilder,
    schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type},
};

use crate::answer::JSON;

pub(super) type Shape = RefOr<Schema>;

fn of(ty: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(ty))
}

pub(super) fn text() -> Shape {
    of(Type::String).into()
}

pub(super) fn integer() -> Shape {
    of(Type::Integer).into()
}

pub(super) fn truth() -> Shape {
    of(Type::Boolean).into()
}

/// Whatever JSON there is.
pub(super) fn any() -> Shape {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

/// A whole number, 0 or above.
pub(super) fn from_0() -> Shape {
    of(Type::Integer).minimum(Some(0)).into()
}

/// A whole number above 0.
pub(super) fn count() -> Shape {
    of(Type::Integer).minimum(Some(1)).into()
}

pub(super) fn one_of(words: &[&str]) -> Shape {
    of(Type::String).enum_values(Some(words.iter().copied())).into()
}

pub(super) fn list(item: Shape) -> Shape {
    Schema::Array(ArrayBuilder::new().items(item).build()).into()
}

/// An object whose keys are the caller's.
pub(super) fn map(value: Shape) -> Shape {
    of(Type::Object).additional_properties(Some(AdditionalProperties::RefOr(value))).into()
}

/// An object; a key that ends in `?` may be left out, others are in no answer.
pub(super) fn object(fields: &[(&str, Shape)]) -> Shape {
    let mut built = of(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(false)));
    for (key, shape) in fields {
        let name = key.strip_suffix('?').unwrap_or(key);
        built = built.property(name, shape.clone());
        if name == *key {
            built = built.required(name);
        }
    }
    built.into()
}

/// An object of a request: what it has besides is passed over.
pub(super) fn open(fields: &[(&str, Shape)]) -> Shape {
    let mut built = of(Type::Object);
    for (key, shape) in fields {
        let name = key.strip_suffix('?').unwrap_or(key);
        built = built.property(name, shape.clone());
        if name == *key {
            built = built.required(name);
        }
    }
    built.into()
}

pub(super) fn either(shapes: &[Shape]) -> Shape {
    let built = shapes.iter().fold(AnyOfBuilder::new(), |built, shape| built.item(shape.clone()));
    Schema::AnyOf(built.build()).into()
}

/// A component by its name.
pub(super) fn named(name: &str) -> Shape {
    Ref::from_schema_name(name).into()
}

/// One operation as it grows.
pub(super) struct Op {
    id: String,
    built: OperationBuilder,
}

// === impl Op ===

impl Op {
    pub fn new(id: &str, summary: &str) -> Op {
        Op { id: id.to_owned(), built: OperationBuilder::new().summary(Some(summary)) }
    }

    fn with(self, grow: impl FnOnce(OperationBuilder) -> OperationBuilder) -> Op {
        Op { id: self.id, built: grow(self.built) }
    }

    /// Tells it from the operation of another path that does the same.
    pub fn told_apart(mut self, by: &str) -> Op {
        self.id.push_str(by);
        self
    }

    pub fn tag(self, tag: &str) -> Op {
        self.with(|built| built.tag(tag))
    }

    pub fn about(self, text: &str) -> Op {
        self.with(|built| built.description(Some(text)))
    }

    fn parameter(self, place: ParameterIn, name: &str, required: Required, about: &str, shape: Shape) -> Op {
        let built: Parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(about))
            .schema(Some(shape))
            .build();
        self.with(|op| op.parameter(built))
    }

    pub fn query(self, name: &str, about: &str, shape: Shape) -> Op {
        self.parameter(ParameterIn::Query, name, Required::False, about, shape)
    }

    pub fn in_path(self, name: &str, about: &str, shape: Shape) -> Op {
        self.parameter(ParameterIn::Path, name, Required::True, about, shape)
    }

    /// A body of one of these types; the first one's example is shown.
    pub fn body(self, required: bool, contents: &[(&str, Shape)], example: Option<Value>) -> Op {
        let required = if required { Required::True } else { Required::False };
        let mut body = RequestBodyBuilder::new().required(Some(required));
        for (place, (ty, shape)) in contents.iter().enumerate() {
            let mut content = Content::builder().schema(Some(shape.clone()));
            if place == 0 {
                content = content.example(example.clone());
            }
            body = body.content(*ty, content.build());
        }
        self.with(|built| built.request_body(Some(body.build())))
    }

    pub fn answers(self, status: &str, about: &str, contents: &[(&str, Shape)]) -> Op {
        let built = ResponseBuilder::new().description(about);
        let built =
            contents.iter().fold(built, |built, (ty, shape)| built.content(*ty, Content::new(Some(shape.clone()))));
        let built: Response = built.build();
        self.with(|op| op.response(status, built))
    }

    /// 200 with JSON of this shape.
    pub fn ok(self, about: &str, shape: Shape) -> Op {
        self.answers("200", about, &[(JSON, shape)])
    }

    pub fn build(self) -> Operation {
        self.built.operation_id(Some(self.id)).build()
    }
}
