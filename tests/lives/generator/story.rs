//! What users and their programs do, at random.

pub(crate) mod chain;

use std::collections::BTreeMap;

use super::random::Random;
use super::truth::{Life, Truth};
use super::{Disk, Done, Form};

/// Files' sizes are cut to this share of the volume, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) steps: u32,
    /// Bytes of a large file.
    pub(crate) large: u64,
    pub(crate) cluster: u64,
}

pub(crate) struct Story<'d, D> {
    disk: &'d mut D,
    pub(crate) truth: Truth,
    /// Live names, and which life each belongs to.
    names: BTreeMap<String, usize>,
    forms: BTreeMap<usize, Form>,
    random: Random,
    plan: Plan,
    step: u32,
    count: u32,
}

/// What may happen next, and how often.
const HABITS: [(u64, Event); 18] = [
    (22, Event::New),
    (10, Event::Append),
    (5, Event::Overwrite),
    (6, Event::Truncate),
    (4, Event::Regrow),
    (12, Event::Save),
    (8, Event::Rotate),
    (8, Event::Temporary),
    (5, Event::AddStream),
    (3, Event::DropStream),
    (4, Event::Link),
    (6, Event::Move),
    (3, Event::MoveDirectory),
    (9, Event::Delete),
    (1, Event::DeleteDirectory),
    (5, Event::Special),
    (6, Event::InTurns),
    (2, Event::Fill),
];

#[derive(Clone, Copy, Debug)]
enum Event {
    New,
    Append,
    Overwrite,
    Truncate,
    Regrow,
    Save,
    Rotate,
    Temporary,
    AddStream,
    DropStream,
    Link,
    Move,
    MoveDirectory,
    Delete,
    DeleteDirectory,
    Special,
    InTurns,
    Fill,
}

impl<'d, D: Disk> Story<'d, D> {
    pub(crate) fn new(disk: &'d mut D, seed: u64, plan: Plan) -> Self {
        Self {
            disk,
            truth: Truth::default(),
            names: BTreeMap::new(),
            forms: BTreeMap::new(),
            random: Random::new(seed).fork("story"),
            plan,
            step: 0,
            count: 0,
        }
    }

    /// Lives it to its end.
    pub(crate) fn tell(mut self) -> Truth {
        let weights = HABITS.map(|(weight, _)| weight);
        for folder in ["/docs", "/logs", "/tmp"] {
            let _ = self.make_directory(folder);
        }
        for _ in 0..6 {
            let _ = self.event(Event::New);
        }
        for step in 0..self.plan.steps {
            self.step = step;
            let (_, event) = HABITS[self.random.weighted(&weights)];
            let _ = self.event(event);
            if self.random.percent(4) {
                self.disk.rest();
            }
        }
        self.disk.rest();
        self.settle();
        self.truth
    }

    /// Of which deleted files the records are still there.
    fn settle(&mut self) {
        let mut last = BTreeMap::new();
        for (index, life) in self.truth.lives.iter().enumerate() {
            last.insert(life.number, index);
        }
        for (index, life) in self.truth.lives.iter_mut().enumerate() {
            let is_last = last[&life.number] == index;
            life.is_kept = life.is_kept && !life.is_live && is_last && self.disk.keeps(life.number);
        }
    }

    fn event(&mut self, event: Event) -> Done {
        match event {
            Event::New => self.new_file(Form::Plain).map(|_| ()),
            Event::Append => self.append(),
            Event::Overwrite => self.overwrite(),
            Event::Truncate => self.truncate(),
            Event::Regrow => self.regrow(),
            Event::Save => self.save(),
            Event::Rotate => self.rotate(),
            Event::Temporary => self.temporary(),
            Event::AddStream => self.add_stream(),
            Event::DropStream => self.drop_stream(),
            Event::Link => self.link(),
            Event::Move => self.move_file(),
            Event::MoveDirectory => self.move_directory(),
            Event::Delete => self.delete_some(),
            Event::DeleteDirectory => self.delete_directory(),
            Event::Special => self.special(),
            Event::InTurns => self.in_turns(),
            Event::Fill => self.fill(),
        }
    }

    // ------------------------------------------------------------------------------------------- what is there

    fn directories(&self) -> Vec<String> {
        let is_directory = |(_, life): &(&String, &usize)| self.truth.lives[**life].is_directory;
        let paths = self.names.iter().filter(is_directory).map(|(path, _)| path.clone());
        std::iter::once(String::new()).chain(paths).collect()
    }

    fn files(&self) -> Vec<String> {
        let is_file = |(_, life): &(&String, &usize)| !self.truth.lives[**life].is_directory;
        self.names.iter().filter(is_file).map(|(path, _)| path.clone()).collect()
    }

    fn any_file(&mut self) -> Option<String> {
        let files = self.files();
        (!files.is_empty()).then(|| files[self.random.below(files.len() as u64) as usize].clone())
    }

    fn any_directory(&mut self) -> String {
        let all = self.directories();
        all[self.random.below(all.len() as u64) as usize].clone()
    }

    fn life(&mut self, path: &str) -> &mut Life {
        let life = self.names[path];
        &mut self.truth.lives[life]
    }

    fn size(&mut self, path: &str, stream: &str) -> u64 {
        self.life(path).streams.get(stream).map_or(0, Vec::len) as u64
    }

    fn form(&self, path: &str) -> Form {
        self.forms[&self.names[path]]
    }

    fn fresh_name(&mut self, extension: &str) -> String {
        self.count += 1;
        let stem =
            self.random.choose(&["letter", "photo", "Fläche", "копия", "a report with a long name of its own", "x"]);
        format!("{stem}-{}.{extension}", self.count)
    }

    fn some_size(&mut self) -> u64 {
        let large = self.plan.large;
        match self.random.weighted(&[3, 25, 40, 25, 7]) {
            0 => 0,
            1 => self.random.between(1, 600),
            2 => self.random.between(600, large / 16),
            3 => self.random.between(large / 16, large / 4),
            _ => self.random.between(large / 4, large),
        }
    }

    fn some_bytes(&mut self, length: u64) -> Vec<u8> {
        match self.random.below(10) {
            0 => self.random.text(length as usize),
            1 => {
                // Pages that are not in use yet.
                let mut bytes = self.random.bytes(length as usize);
                let from = bytes.len() / 3;
                let to = bytes.len() / 2;
                bytes[from..to].fill(0);
                bytes
            }
            _ => self.random.bytes(length as usize),
        }
    }

    // ---------------------------------------------------------------------------------- one thing, and its truth

    fn make_directory(&mut self, path: &str) -> Done {
        self.disk.make_directory(path)?;
        self.begin(path, true, Form::Plain);
        Ok(())
    }

    fn create(&mut self, path: &str, form: Form) -> Done {
        self.disk.create(path, form)?;
        self.begin(path, false, form);
        self.life(path).streams.insert(String::new(), Vec::new());
        Ok(())
    }

    fn begin(&mut self, path: &str, is_directory: bool, form: Form) {
        let (number, sequence) = self.disk.reference(path);
        let life = self.truth.lives.len();
        let paths = vec![path.to_owned()];
        self.truth.lives.push(Life { number, sequence, is_directory, paths, is_live: true, ..Life::default() });
        self.names.insert(path.to_owned(), life);
        self.forms.insert(life, form);
    }

    fn write(&mut self, path: &str, stream: &str, at: u64, bytes: &[u8]) -> Done {
        let written = self.disk.write(path, stream, at, bytes);
        let Ok(count) = written else {
            self.ask(path, stream);
            return written.map(|_| ());
        };
        let end = at as usize + count;
        let content = self.life(path).streams.entry(stream.to_owned()).or_default();
        content.resize(content.len().max(end), 0);
        content[at as usize..end].copy_from_slice(&bytes[..count]);
        if count < bytes.len() { Err(super::Full) } else { Ok(()) }
    }

    fn set_size(&mut self, path: &str, stream: &str, size: u64) -> Done {
        let done = self.disk.set_size(path, stream, size);
        if done.is_err() {
            self.ask(path, stream);
            return done;
        }
        let content = self.life(path).streams.get_mut(stream).expect("the stream is there");
        content.resize(size as usize, 0);
        done
    }

    /// After a failure, the driver says what it has made of it.
    fn ask(&mut self, path: &str, stream: &str) {
        match self.disk.content(path, stream) {
            Some(content) => self.life(path).streams.insert(stream.to_owned(), content),
            None => self.life(path).streams.remove(stream),
        };
    }

    fn rename(&mut self, from: &str, to: &str) -> Done {
        if from == to {
            return Ok(());
        }
        if self.names.get(to) == self.names.get(from) {
            // Two names of one file: nothing happens.
            return Ok(());
        }
        if self.names.contains_key(to) {
            let is_all_in_records = self.disk.is_all_in_records(to);
            self.life(to).is_kept = is_all_in_records;
        }
        self.disk.rename(from, to)?;
        if self.names.contains_key(to) {
            self.forget(to);
        }
        let life = self.names.remove(from).expect("the name is there");
        self.names.insert(to.to_owned(), life);
        let below: Vec<_> = self.names.keys().filter(|path| path.starts_with(&format!("{from}/"))).cloned().collect();
        for path in below {
            let moved = self.names.remove(&path).expect("the name is there");
            self.names.insert(format!("{to}{}", &path[from.len()..]), moved);
        }
        let prefix = format!("{from}/");
        for life in self.truth.lives.iter_mut().filter(|life| life.is_live) {
            for path in &mut life.paths {
                if path == from || path.starts_with(&prefix) {
                    *path = format!("{to}{}", &path[from.len()..]);
                }
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        let is_all_in_records = self.disk.is_all_in_records(path);
        self.life(path).is_kept = is_all_in_records;
        self.disk.remove(path);
        self.forget(path);
    }

    /// One name is gone, and the life with the last.
    fn forget(&mut self, path: &str) {
        let step = self.step;
        let life = self.names.remove(path).expect("the name is there");
        let life = &mut self.truth.lives[life];
        if life.paths.len() > 1 {
            life.paths.retain(|known| known != path);
        } else {
            life.is_live = false;
            life.end = step;
        }
    }

    // ------------------------------------------------------------------------------------------------- habits

    fn new_file(&mut self, form: Form) -> Result<String, super::Full> {
        if self.random.percent(12) && self.directories().len() < 14 {
            let path = format!("{}/{}", self.any_directory(), self.fresh_name("folder"));
            self.make_directory(&path)?;
        }
        let path = format!("{}/{}", self.any_directory(), self.fresh_name("bin"));
        self.create(&path, form)?;
        let size = self.some_size();
        let bytes = if form == Form::Compressed { self.random.text(size as usize) } else { self.some_bytes(size) };
        self.write(&path, "", 0, &bytes)?;
        Ok(path)
    }

    fn append(&mut self) -> Done {
        let Some(path) = self.any_file() else { return Ok(()) };
        let (at, length) = (self.size(&path, ""), self.some_size() / 2);
        let bytes = self.some_bytes(length);
        self.write(&path, "", at, &bytes)
    }

    fn can_rewrite(&self, path: &str) -> bool {
        self.form(path) != Form::Compressed || self.disk.can_rewrite_compressed()
    }

    fn overwrite(&mut self) -> Done {
        let Some(path) = self.any_file().filter(|path| self.can_rewrite(path)) else { return Ok(()) };
        let size = self.size(&path, "");
        let at = self.random.below(size.max(1));
        let length = self.random.between(1, (size - at.min(size)).max(1));
        let bytes = self.some_bytes(length);
        self.write(&path, "", at, &bytes)
    }

    fn truncate(&mut self) -> Done {
        let Some(path) = self.any_file().filter(|path| self.can_rewrite(path)) else { return Ok(()) };
        let size = self.size(&path, "");
        let kept = if self.random.percent(25) { 0 } else { self.random.below(size.max(1)) };
        self.set_size(&path, "", kept)
    }

    /// Cut, and longer than before, written or not.
    fn regrow(&mut self) -> Done {
        let Some(path) = self.any_file().filter(|path| self.can_rewrite(path)) else { return Ok(()) };
        let size = self.size(&path, "");
        self.set_size(&path, "", size / 3)?;
        if self.random.percent(50) {
            let bytes = self.some_bytes(size);
            return self.write(&path, "", size / 3, &bytes);
        }
        let longer = size + self.random.below(3 * self.plan.cluster);
        self.set_size(&path, "", longer)
    }

    /// As editors do: what is new is written beside, and takes the name.
    fn save(&mut self) -> Done {
        let Some(path) = self.any_file() else { return Ok(()) };
        let beside = format!("{}/{}", path.rsplit_once('/').map_or("", |(folder, _)| folder), self.fresh_name("tmp"));
        let mut content = self.life(&path).streams.get("").cloned().unwrap_or_default();
        let length = self.random.between(1, 3 * self.plan.cluster);
        let more = self.some_bytes(length);
        content.extend(more);
        let backup = format!("{beside}.bak");
        match self.random.below(3) {
            0 => {
                self.create(&beside, Form::Plain)?;
                self.write(&beside, "", 0, &content)?;
                self.rename(&beside, &path)
            }
            1 => {
                self.rename(&path, &backup)?;
                self.create(&path, Form::Plain)?;
                self.write(&path, "", 0, &content)?;
                self.remove(&backup);
                Ok(())
            }
            _ => {
                self.create(&beside, Form::Plain)?;
                self.write(&beside, "", 0, &content)?;
                self.rename(&path, &backup)?;
                self.rename(&beside, &path)?;
                self.remove(&backup);
                Ok(())
            }
        }
    }

    fn rotate(&mut self) -> Done {
        let name = |number: u32| format!("/logs/log.{number}");
        if !self.names.contains_key("/logs") {
            self.make_directory("/logs")?;
        }
        if !self.names.contains_key(&name(0)) {
            self.create(&name(0), Form::Plain)?;
        }
        let length = self.random.between(1, self.plan.large / 12);
        let bytes = self.some_bytes(length);
        let at = self.size(&name(0), "");
        self.write(&name(0), "", at, &bytes)?;
        if self.size(&name(0), "") < self.plan.large / 8 {
            return Ok(());
        }
        if self.names.contains_key(&name(3)) {
            self.remove(&name(3));
        }
        for number in (0..3).rev().filter(|number| self.names.contains_key(&name(*number))).collect::<Vec<_>>() {
            self.rename(&name(number), &name(number + 1))?;
        }
        self.create(&name(0), Form::Plain)
    }

    /// It grows, and is gone.
    fn temporary(&mut self) -> Done {
        let path = format!("{}/{}", self.any_directory(), self.fresh_name("tmp"));
        self.create(&path, Form::Plain)?;
        for _ in 0..self.random.between(1, 4) {
            let (at, length) = (self.size(&path, ""), self.some_size());
            let bytes = self.some_bytes(length);
            if self.write(&path, "", at, &bytes).is_err() {
                break;
            }
        }
        if self.random.percent(90) {
            self.remove(&path);
        }
        Ok(())
    }

    fn add_stream(&mut self) -> Done {
        let Some(path) = self.any_file() else { return Ok(()) };
        if self.form(&path) != Form::Plain {
            return Ok(());
        }
        let count = if self.random.percent(20) { 6 } else { 1 };
        for _ in 0..count {
            let name = self.random.choose(&[
                "Zone.Identifier",
                "summary",
                "a stream with a rather long name",
                "s1",
                "s2",
                "s3",
                "s4",
            ]);
            let size = if name.starts_with('s') { self.some_size() / 2 } else { self.random.between(1, 300) };
            let bytes = self.some_bytes(size.max(1));
            self.write(&path, name, 0, &bytes)?;
        }
        Ok(())
    }

    fn drop_stream(&mut self) -> Done {
        let Some(path) = self.any_file() else { return Ok(()) };
        let Some(name) = self.life(&path).streams.keys().find(|name| !name.is_empty()).cloned() else { return Ok(()) };
        self.disk.remove_stream(&path, &name);
        self.life(&path).streams.remove(&name);
        Ok(())
    }

    fn link(&mut self) -> Done {
        let Some(path) = self.any_file() else { return Ok(()) };
        for _ in 0..if self.random.percent(20) { 6 } else { 1 } {
            let to = format!("{}/{}", self.any_directory(), self.fresh_name("link"));
            self.disk.link(&path, &to)?;
            let life = self.names[&path];
            self.names.insert(to.clone(), life);
            self.truth.lives[life].paths.push(to);
        }
        Ok(())
    }

    fn move_file(&mut self) -> Done {
        let Some(path) = self.any_file() else { return Ok(()) };
        let to = format!("{}/{}", self.any_directory(), self.fresh_name("moved"));
        self.rename(&path, &to)
    }

    fn move_directory(&mut self) -> Done {
        let (path, above) = (self.any_directory(), self.any_directory());
        if path.is_empty() || path == "/logs" || format!("{above}/").starts_with(&format!("{path}/")) {
            return Ok(());
        }
        let to = format!("{above}/{}", self.fresh_name("folder"));
        self.rename(&path, &to)
    }

    fn delete_some(&mut self) -> Done {
        for _ in 0..self.random.between(1, 3) {
            if let Some(path) = self.any_file() {
                self.remove(&path);
            }
        }
        Ok(())
    }

    fn delete_directory(&mut self) -> Done {
        let path = self.any_directory();
        if path.is_empty() {
            return Ok(());
        }
        let below: Vec<_> = self.names.keys().filter(|name| name.starts_with(&format!("{path}/"))).cloned().collect();
        // What lies deepest goes first.
        below.iter().rev().for_each(|path| self.remove(path));
        self.remove(&path);
        Ok(())
    }

    fn special(&mut self) -> Done {
        if self.random.percent(50) {
            return self.new_file(Form::Compressed).map(|_| ());
        }
        let path = format!("{}/{}", self.any_directory(), self.fresh_name("sparse"));
        self.create(&path, Form::Sparse)?;
        let size = self.random.between(20 * self.plan.cluster, self.plan.large);
        self.set_size(&path, "", size)?;
        for _ in 0..self.random.between(1, 4) {
            let at = self.random.below(size);
            let length = self.random.between(1, 3 * self.plan.cluster);
            let bytes = self.random.bytes(length as usize);
            self.write(&path, "", at, &bytes)?;
        }
        Ok(())
    }

    /// Files that grow in turns: their clusters alternate, their lists grow.
    fn in_turns(&mut self) -> Done {
        let paths: Vec<_> = (0..2).filter_map(|_| self.any_file()).collect();
        let turns = self.random.between(4, 70);
        for _ in 0..turns {
            for path in &paths {
                let at = self.size(path, "");
                let length = self.random.between(1, self.plan.cluster + 100);
                let bytes = self.random.bytes(length as usize);
                self.write(path, "", at, &bytes)?;
            }
        }
        Ok(())
    }

    /// The volume gets full, and free again.
    fn fill(&mut self) -> Done {
        let path = format!("/{}", self.fresh_name("fill"));
        self.create(&path, Form::Plain)?;
        let mut is_full = false;
        while !is_full {
            let at = self.size(&path, "");
            let bytes = self.random.bytes(self.plan.large as usize);
            is_full = self.write(&path, "", at, &bytes).is_err();
        }
        let _ = self.new_file(Form::Plain);
        let _ = self.append();
        let size = self.size(&path, "");
        match self.random.below(3) {
            0 => self.remove(&path),
            1 => self.set_size(&path, "", size / 8)?,
            _ => {
                self.set_size(&path, "", 3 * size / 4)?;
                let _ = self.temporary();
            }
        }
        Ok(())
    }
}
