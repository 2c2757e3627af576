//! Rows of the two benchmark models, and requests of Open Inference V2, parsed into typed values and written back as JSON by axum: what the network and JSON
//! cost any server in Rust. Its first line on standard error tells the address, as Forebay's does.

use axum::{Json, Router, routing::post};
use serde::{Deserialize, Serialize};

/// An input row of the text pipeline.
#[derive(Serialize, Deserialize)]
struct Text {
    text: String,
}

/// An input row of the forest.
#[derive(Serialize, Deserialize)]
struct Forest {
    kind: String,
    x1: f64,
    x2: f64,
    x3: f64,
    x4: f64,
    x5: f64,
    x6: f64,
    x7: f64,
    x8: f64,
    x9: f64,
    x10: f64,
    x11: f64,
    x12: f64,
    x13: f64,
    x14: f64,
    x15: f64,
    x16: f64,
    x17: f64,
    x18: f64,
    x19: f64,
}

/// A request of Open Inference V2, and as much of an answer.
#[derive(Serialize, Deserialize)]
struct Tensors {
    inputs: Vec<Tensor>,
}

#[derive(Serialize, Deserialize)]
struct Tensor {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    data: Vec<f64>,
}

async fn tensors(Json(request): Json<Tensors>) -> Json<Tensors> {
    Json(request)
}

async fn text(Json(row): Json<Text>) -> Json<Text> {
    Json(row)
}

async fn forest(Json(row): Json<Forest>) -> Json<Forest> {
    Json(row)
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let routes = Router::new()
        .route("/text", post(text))
        .route("/forest", post(forest))
        .route("/v2/models/{model}/infer", post(tensors));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, routes).await
}
