//! HTTP/2 with prior knowledge, on the same port.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use server::{Config, Drained, MistConfig};

use crate::{limits::until, world::World};

fn connect(world: &World) -> SendRequest<Full<Bytes>> {
    world.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(world.addr).await.unwrap();
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    })
}

async fn post(mut sender: SendRequest<Full<Bytes>>, model: &str, x: usize) -> (u16, Version, String) {
    let request = Request::post(format!("http://x/api/v1/serve/{model}"))
        .header("content-type", "application/json")
        .body(Full::from(format!("{{\"x\":{x}}}")))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let (status, version) = (response.status().as_u16(), response.version());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, version, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn streams_of_one_connection_are_answered_each() {
    let world = World::new(Config::default(), MistConfig::default());
    let sender = connect(&world);
    world.runtime.block_on(async {
        let calls: Vec<_> = (0..50)
            .map(|x| {
                let model = ["double", "sleep", "double-dear", "panic"][x % 4];
                (x, model, tokio::spawn(post(sender.clone(), model, x)))
            })
            .collect();
        for (x, model, call) in calls {
            let (status, version, body) = call.await.unwrap();
            assert_eq!(version, Version::HTTP_2);
            match model {
                "panic" => assert_eq!(status, 500),
                _ if x == 13 => assert_eq!(status, 400, "{body}"),
                _ if x == 14 => assert_eq!((status, body.as_str()), (200, "null")),
                _ => assert_eq!((status, body), (200, format!("{{\"y\":{:?}}}", 2.0 * x as f64))),
            }
        }
    });
}

#[test]
fn a_stream_that_is_reset_cancels_its_call() {
    let world = World::new(Config::default(), MistConfig::default());
    let sender = connect(&world);
    let call = world.runtime.spawn(post(sender.clone(), "spin", 1));
    until("the call begins", || world.seen.begun.load(Ordering::SeqCst) == 1);
    call.abort();
    until("it is cancelled", || world.seen.cancelled.load(Ordering::SeqCst) == 1);
    assert_eq!(world.runtime.block_on(post(sender, "double", 1)).0, 200, "the connection goes on");
}

#[test]
fn shutdown_answers_the_streams_that_are_open() {
    let mut world = World::new(Config::default(), MistConfig::default());
    let sender = connect(&world);
    let call = world.runtime.spawn(post(sender, "sleep", 1));
    until("the call begins", || world.seen.begun.load(Ordering::SeqCst) == 1);
    world.stop();
    assert_eq!(world.stopped(), Drained { cut: 0 });
    assert_eq!(world.runtime.block_on(call).unwrap().0, 200);
}
