//! `forebay catalogue`: what is known of models, written to a file and read back.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use crate::{
    cmd, config,
    failure::Failure,
    serve::catalogue::{make_folder, place},
};

/// Backs up and restores what is known of models: versions with their digests, labels, states, events
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Writes all that the catalogue holds to a JSON file; a server may be running
    Backup(File),
    /// Puts what a file holds in the place of what the catalogue holds; restart the server afterwards
    Restore(File),
}

#[derive(clap::Args, Debug)]
struct File {
    /// The file; `-` is standard output or input
    file: PathBuf,
    /// The models directory whose catalogue it is; as often as `serve` is given one [models.path; default: models]
    #[arg(long, value_name = "DIR")]
    models: Vec<PathBuf>,
    /// The folder of this machine's catalogues [catalogue.path]
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let (What::Backup(file) | What::Restore(file)) = &args.what;
    let flags: Vec<(&str, String)> = file.state.iter().map(|folder| ("catalogue.path", folder.clone())).collect();
    let settings = config::resolve(file.config.as_deref(), &flags)?.settings;
    let models = if file.models.is_empty() { vec![PathBuf::from(&settings.models.path)] } else { file.models.clone() };
    let models: Vec<&Path> = models.iter().map(PathBuf::as_path).collect();
    let place = place(&settings.catalogue, &models)?;
    let refused = |error: store::OpenError| Failure::refused(error);
    make_folder(&place).map_err(refused)?;
    let shown = file.file.display();
    let (did, counts) = match &args.what {
        What::Backup(_) => {
            let (text, counts) = store::backup::backup(&place).map_err(refused)?;
            if file.file.as_os_str() == "-" {
                return cmd::print(&text);
            }
            write(&file.file, &text)
                .map_err(|error| Failure::refused(format_args!("cannot write {shown}: {error}")))?;
            ("backed up", counts)
        }
        What::Restore(_) => {
            let read = match file.file.as_os_str() == "-" {
                true => std::io::read_to_string(std::io::stdin()),
                false => fs::read_to_string(&file.file),
            };
            let text = read.map_err(|error| Failure::refused(format_args!("cannot read {shown}: {error}")))?;
            ("restored", store::backup::restore(&place, &text).map_err(refused)?)
        }
    };
    let store::backup::Counts { versions, labels, events } = counts;
    cmd::print(&format!("{did} {versions} versions, {labels} labels, {events} events of {place}\n"))
}

/// Writes a file that is there whole or as it was.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(".part");
    let mut file = fs::File::create(&hidden)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
    fs::rename(&hidden, path)
}
