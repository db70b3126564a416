//! The other tools, each by the best way to run it that needs nobody to answer questions.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::given::{File, Given, files_below};
use crate::measure::{self, Cost};
use crate::subject::{Subject, copy_into};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// `fls` for names, deleted ones and orphans too; `tsk_recover` for all files, live and deleted. Both take the offset
/// of a volume, so they are given each volume for itself.
pub fn sleuthkit(subject: &Subject) -> Result<Given> {
    let mut given = Given::default();
    for (number, volume) in subject.volumes.iter().enumerate() {
        let said = subject.said("fls");
        let mut command = Command::new("fls");
        given.listing += measure::run(command.args(["-f", "ntfs", "-r", "-p"]).arg(volume), &said)?;
        for line in lossy(&said)?.lines() {
            if let Some((_, path)) = line.split_once(":\t") {
                given.list(path.split(':').next().unwrap_or(path));
            }
        }
        let folder = subject.fresh_folder(&format!("tsk_recover {number}"))?;
        let mut command = Command::new("tsk_recover");
        command.args(["-f", "ntfs", "-e"]).arg(volume).arg(&folder);
        given.recovery += measure::run(&command, &subject.said("tsk_recover"))?;
        given.files.extend(named_files(&folder)?);
    }
    Ok(given)
}

/// Undeletes all that it lists. It is made for deleted files only. A file of which it says itself that less than all
/// is left counts as marked.
pub fn ntfsundelete(subject: &Subject) -> Result<Given> {
    let mut given = Given::default();
    for (number, volume) in subject.volumes.iter().enumerate() {
        let folder = subject.fresh_folder(&format!("ntfsundelete {number}"))?;
        let said = subject.said("ntfsundelete");
        let mut command = Command::new("ntfsundelete");
        command.args(["-f", "-u", "-T", "-m", "*", "-d"]).arg(&folder).arg(volume);
        let cost = measure::run(&command, &said)?;
        given.recovery += cost;
        given.listing += cost;
        let said = lossy(&said)?;
        let mut partial = Vec::new();
        for (percent, name) in said.lines().filter_map(undeleted) {
            given.list(name);
            if percent < 100 {
                partial.push(name);
            }
        }
        for mut file in named_files(&folder)? {
            file.is_suspect = file.name.as_deref().is_some_and(|name| partial.contains(&name));
            given.files.push(file);
        }
    }
    Ok(given)
}

/// Percentage and name in a line such as `282  FN..  98%  2022-02-02 02:20  214828  letter.txt`.
fn undeleted(line: &str) -> Option<(u32, &str)> {
    let (head, tail) = line.split_once("%  ")?;
    let percent = head.rsplit(' ').next()?.parse().ok()?;
    // Date and time have their own width, the size ends before two spaces.
    let (_, name) = tail.get(16..)?.trim_start().split_once("  ")?;
    Some((percent, name))
}

/// On a copy, for TestDisk repairs volumes in place: the boot sector from its backup; then all it lists is copied, and
/// all it can undelete undeleted. To repair the table by its mirror and to rebuild boot sectors it asks a person.
pub fn testdisk(subject: &Subject) -> Result<Given> {
    let mut given = Given::default();
    for (number, volume) in subject.volumes.iter().enumerate() {
        let folder = subject.fresh_folder(&format!("testdisk {number}"))?;
        let copy = copy_into(volume, &folder)?;
        for commands in [
            "advanced,boot,noconfirm,backupntfs",
            "advanced,list,recursive,fullpathname,filecopy",
            "advanced,undelete,allundelete",
        ] {
            given.recovery += testdisk_run(commands, &copy, &folder, subject)?;
            let log = folder.join("testdisk.log");
            for path in lossy(&log).unwrap_or_default().lines().filter_map(testdisk_listed) {
                given.list(path.split(':').next().unwrap_or(path));
            }
            let _ = fs::remove_file(log);
        }
        fs::remove_file(copy)?;
        given.files.extend(named_files(&folder)?);
    }
    given.listing = given.recovery;
    Ok(given)
}

fn testdisk_run(commands: &str, copy: &Path, folder: &Path, subject: &Subject) -> Result<Cost> {
    let mut command = Command::new("testdisk");
    command.current_dir(folder).args(["/log", "/cmd"]).arg(copy);
    command.arg(format!("partition_none,{commands}"));
    measure::run(&command, &subject.said("testdisk"))
}

/// The path in a line such as `  72 -r--r--r--     0      0        80 15-May-2021 22:47 /kept/live.txt`.
fn testdisk_listed(line: &str) -> Option<&str> {
    let mode = line.split_whitespace().nth(1)?;
    let is_entry = mode.len() == 10 && mode.bytes().all(|byte| b"dlrwx-".contains(&byte));
    let minute = line.match_indices(':').next().filter(|_| is_entry)?.0;
    let path = line.get(minute + 4..)?;
    (!path.ends_with("/.") && !path.ends_with("/..")).then(|| path.trim_start_matches('.'))
}

/// Carves the whole image for every kind of file it knows. It has no names to give.
pub fn photorec(subject: &Subject) -> Result<Given> {
    let mut given = Given::default();
    let folder = subject.fresh_folder("photorec")?;
    let mut command = Command::new("photorec");
    command.current_dir(&folder).arg("/d").arg(folder.join("out")).arg("/cmd");
    command.arg(&subject.image).arg("partition_none,options,paranoid,fileopt,everything,enable,wholespace,search");
    given.recovery = measure::run(&command, &subject.said("photorec"))?;
    let carved = files_below(&folder)?.into_iter().filter(|path| !path.ends_with("report.xml"));
    given.files = carved.map(|path| File::unmarked(path, None, String::new())).collect();
    Ok(given)
}

/// The files below a folder by their names; what stands behind a colon is the name of a stream.
fn named_files(folder: &Path) -> Result<Vec<File>> {
    let named = |path: PathBuf| {
        let file_name = path.file_name().map(OsString::from).unwrap_or_default();
        let file_name = file_name.to_string_lossy();
        let (name, stream) = file_name.split_once(':').unwrap_or((&file_name, ""));
        File::unmarked(path, Some(name.to_owned()), stream.to_owned())
    };
    Ok(files_below(folder)?.into_iter().map(named).collect())
}

fn lossy(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ntfsundelete_give_percentage_and_name() {
        let line = "282      FN..    98%  2022-02-02 02:20    214828  fil report-00219.txt";
        assert_eq!(undeleted(line), Some((98, "fil report-00219.txt")));
        assert_eq!(undeleted("Inode    Flags  %age     Date    Time       Size  Filename"), None);
    }

    #[test]
    fn lines_of_testdisk_give_the_path() {
        let line = "      72 -r--r--r--     0      0        80 15-May-2021 22:47 /kept/live one.txt";
        assert_eq!(testdisk_listed(line), Some("/kept/live one.txt"));
        let line = "      66 -r--r--r--     0     0      8192 14-Nov-2021 17:57 ./data overwritten.bin";
        assert_eq!(testdisk_listed(line), Some("/data overwritten.bin"));
        let line = "       5 dr-xr-xr-x     0      0         0 23-Nov-2026 07:16 /..";
        assert_eq!(testdisk_listed(line), None);
    }
}
