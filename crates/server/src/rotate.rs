//! A file of lines that does not grow without end: when it is full it becomes `FILE.1`, that one `FILE.2`, and the last goes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// The file at hand and those before it.
pub(crate) struct Rotating {
    path: PathBuf,
    bytes_max: u64,
    /// Files beside the one at hand.
    kept: u32,
    file: BufWriter<File>,
    bytes: u64,
}

impl Rotating {
    /// Opens the file; what stands in it stays.
    pub fn open(path: &Path, bytes_max: u64, kept: u32) -> io::Result<Rotating> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        let (path, file) = (path.to_owned(), BufWriter::with_capacity(64 << 10, file));
        Ok(Rotating { path, bytes_max: bytes_max.max(1), kept, file, bytes })
    }

    /// Writes a line, which ends in one.
    pub fn write(&mut self, line: &str) -> io::Result<()> {
        let bytes = line.len() as u64;
        if self.bytes > 0 && self.bytes + bytes > self.bytes_max {
            self.rotate()?;
        }
        self.file.write_all(line.as_bytes())?;
        self.bytes += bytes;
        Ok(())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let numbered = |n: u32| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{n}"));
            PathBuf::from(path)
        };
        for n in (1..self.kept).rev() {
            // Those that are not there yet are not moved.
            let _ = fs::rename(numbered(n), numbered(n + 1));
        }
        if self.kept > 0 {
            fs::rename(&self.path, numbered(1))?;
        }
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(&self.path)?;
        self.file = BufWriter::with_capacity(64 << 10, file);
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_few_and_bounded() {
        let folder = std::env::temp_dir().join(format!("rotate-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("lines");
        let mut file = Rotating::open(&path, 10, 2).unwrap();
        for n in 0..9 {
            file.write(&format!("{n}234\n")).unwrap();
        }
        drop(file);
        let mut file = Rotating::open(&path, 10, 2).unwrap();
        file.write("a line that is longer than a file may be\n").unwrap();
        file.flush().unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read("lines"), "a line that is longer than a file may be\n");
        assert_eq!((read("lines.1"), read("lines.2")), ("8234\n".to_owned(), "6234\n7234\n".to_owned()));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        fs::remove_dir_all(folder).unwrap();
    }
}
