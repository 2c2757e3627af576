//! A running server with fake models, and a client that sees bytes.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use gateway::{Gateway, Guarded, Policies};
use model::{Buffer, ModelFiles, Name};
use registry::{
    Again, Artifact, Content, Found, Loading, Manager, MemoryStore, ModelConfig, Registry, Scan, Source, SourceError,
    Upkeep,
};
use server::{
    AuthConfig, BatchingConfig, Bound, Certificates, Config, Dialects, Drained, MistConfig, State, TokioTimer,
    TraceConfig,
};
use tokio::{runtime::Runtime, sync::oneshot, task::JoinHandle};

use crate::fakes::{Fakes, Seen, all};

/// A server on a port of its own.
pub struct World {
    pub addr: SocketAddr,
    /// Where it listens besides.
    pub further: Vec<SocketAddr>,
    pub seen: Arc<Seen>,
    pub runtime: Runtime,
    pub state: Arc<State>,
    pub manager: Mutex<Manager>,
    pub registry: Arc<Registry>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<std::io::Result<Drained>>>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
    /// The bytes as text; what is none is left out.
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

/// Has one file for each model.
pub struct Files;

impl Source for Files {
    fn read(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        Kept(artifact.path.clone()).read()
    }

    fn again(&self, artifact: &Artifact) -> Option<Arc<dyn Again>> {
        Some(Arc::new(Kept(artifact.path.clone())))
    }
}

struct Kept(Arc<str>);

impl Again for Kept {
    fn read(&self) -> Result<Content, SourceError> {
        let bytes = Buffer::from_vec(self.0.as_bytes().to_vec());
        Ok(Content::new(ModelFiles::new([("m".to_owned(), bytes)]), ModelConfig::default()))
    }
}

pub fn scan() -> Scan {
    let found = |name: &str| Found::Artifacts {
        name: Name::new(name).unwrap(),
        artifacts: vec![Artifact { number: None, path: format!("here/{name}").into(), fingerprint: 1, source: 0 }],
        upkeep: Upkeep::default(),
    };
    Scan { models: all().into_iter().map(|name| (name.to_owned(), found(name))).collect() }
}

impl World {
    /// Returns a server whose models are loaded.
    pub fn new(config: Config, mist: MistConfig) -> World {
        World::traced(config, mist, TraceConfig::default())
    }

    /// Returns one that traces so.
    pub fn traced(config: Config, mist: MistConfig, trace: TraceConfig) -> World {
        let world = World::unloaded(config, mist, trace);
        world.load();
        world
    }

    /// Returns a server that has not looked at its models yet.
    pub fn unloaded(config: Config, mist: MistConfig, trace: TraceConfig) -> World {
        World::start(config, mist, trace, &[], |state| (state, None))
    }

    /// Returns a server that knows its callers.
    pub fn guarded(auth: &AuthConfig) -> World {
        World::adjusted(Config::default(), &[], |state| state.with_auth(auth).unwrap())
    }

    /// Returns a server that joins calls so.
    pub fn batching(config: Config, batching: BatchingConfig) -> World {
        World::adjusted(config, &[], |state| state.with_batching(batching))
    }

    /// Returns a server whose state is made so.
    pub fn adjusted(config: Config, further: &[Dialects], adjust: impl FnOnce(State) -> State) -> World {
        let world =
            World::start(config, MistConfig::default(), TraceConfig::default(), further, |state| (adjust(state), None));
        world.load();
        world
    }

    /// Returns a server that answers HTTPS, and knows its callers.
    pub fn secure(config: Config, auth: &AuthConfig, tls: &Arc<Certificates>) -> World {
        let adjust = |state: State| (state.with_auth(auth).unwrap(), Some(tls.clone()));
        let world = World::start(config, MistConfig::default(), TraceConfig::default(), &[], adjust);
        world.load();
        world
    }

    /// Returns a server that listens at further addresses, each with its dialects.
    pub fn with(config: Config, mist: MistConfig, further: &[Dialects]) -> World {
        let world = World::start(config, mist, TraceConfig::default(), further, |state| (state, None));
        world.load();
        world
    }

    /// Returns a server whose models are loaded when somebody asks; a thread loads them. Each has 64 bytes.
    pub fn lazy(config: Config, bytes_max: u64) -> World {
        let (trace, registry) = (TraceConfig::default(), Registry::within(bytes_max));
        let world =
            World::over(registry, Loading::Lazy, (config, MistConfig::default(), trace), &[], |state| (state, None));
        world.load();
        let (registry, loader) = (world.registry.clone(), Fakes(world.seen.clone()));
        std::thread::spawn(move || registry.load_cold(&loader));
        world
    }

    fn start(
        config: Config,
        mist: MistConfig,
        trace: TraceConfig,
        further: &[Dialects],
        adjust: impl FnOnce(State) -> (State, Option<Arc<Certificates>>),
    ) -> World {
        World::over(Registry::default(), Loading::Eager, (config, mist, trace), further, adjust)
    }

    fn over(
        registry: Registry,
        loading: Loading,
        (config, mist, trace): (Config, MistConfig, TraceConfig),
        further: &[Dialects],
        adjust: impl FnOnce(State) -> (State, Option<Arc<Certificates>>),
    ) -> World {
        let (seen, registry) = (Arc::<Seen>::default(), Arc::new(registry));
        let policies = Policies::new(gateway::Config::default(), Arc::new(TokioTimer));
        let counts = policies.metrics();
        let loader = Guarded::new(Arc::new(Fakes(seen.clone())), policies);
        let manager = Manager::new(registry.clone(), Arc::new(loader), Arc::<MemoryStore>::default());
        let manager = manager.with_loading(loading);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("network")
            .enable_all()
            .build()
            .unwrap();
        let main = config.dialects();
        let state = State::new(config, mist, Gateway::new(registry.clone()), counts).unwrap().with_trace(trace);
        let state = state.with_admin(server::AdminConfig::default(), registry::Config::default(), None, false);
        let (state, tls) = adjust(state);
        let state = Arc::new(state);
        let bind = |(dialects, tls): (Dialects, Option<Arc<Certificates>>)| {
            let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
            (listener.local_addr().unwrap(), Bound { listener, dialects, tls })
        };
        let all = [(main, tls)].into_iter().chain(further.iter().map(|dialects| (*dialects, None)));
        let (addrs, listeners): (Vec<_>, Vec<_>) = all.map(bind).unzip();
        let (addr, further) = (addrs[0], addrs[1..].to_vec());
        let (stop, stopped) = oneshot::channel();
        let running = runtime.spawn(server::run(listeners, state.clone(), async {
            let _ = stopped.await;
        }));
        let (manager, stop, running) = (Mutex::new(manager), Some(stop), Some(running));
        World { addr, further, seen, runtime, state, manager, registry, stop, running }
    }

    pub fn load(&self) {
        let mut manager = self.manager.lock().unwrap();
        manager.aspire(scan());
        while manager.step(&Files) {}
    }

    pub fn connect(&self) -> TcpStream {
        self.connect_to(self.addr)
    }

    pub fn connect_to(&self, addr: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends one request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = self.connect();
        ask(&mut stream, method, path, headers, body)
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[], body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Tells the server to stop; [`World::stopped`] waits for it.
    pub fn stop(&mut self) {
        let _ = self.stop.take().expect("stopped once").send(());
    }

    pub fn stopped(&mut self) -> Drained {
        let running = self.running.take().expect("awaited once");
        self.runtime.block_on(running).unwrap().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.registry.close();
    }
}

/// Sends a request whose body has a length, and reads the answer.
pub fn ask(stream: &mut (impl Read + Write), method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    ask_bytes(stream, method, path, headers, body.as_bytes())
}

/// Sends a request whose body is any bytes, and reads the answer.
pub fn ask_bytes(
    stream: &mut (impl Read + Write),
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(k, v)| head.push_str(&format!("{k}: {v}\r\n")));
    // The server may answer and close before it has read a body that it refuses.
    let _ = stream.write_all(&[head.as_bytes(), b"\r\n", body].concat());
    read(stream, method == "HEAD").expect("an answer")
}

/// Reads one answer; nothing where the peer closed first.
pub fn read(stream: &mut (impl Read + Write), headless: bool) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => bytes.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: Vec<_> =
        lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned())).collect();
    let length = headers.iter().find(|(k, _)| k == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
    let mut body = vec![0; if headless { 0 } else { length }];
    stream.read_exact(&mut body).unwrap();
    let text = String::from_utf8(body.clone()).unwrap_or_default();
    Some(Answer { status, headers, bytes: body, body: text })
}
