//! As much of Turtle as `information.turtle` needs: who has which properties.

use std::collections::BTreeMap;

/// Properties by what they are of. Names of the schema stand without it: `Map`, `chunkSize`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    subjects: BTreeMap<String, Vec<(String, String)>>,
}

impl Facts {
    /// What cannot be read is left out.
    pub(super) fn parse(text: &str) -> Self {
        let (mut facts, mut prefixes) = (Self::default(), BTreeMap::<String, String>::new());
        let (mut subject, mut property) = (None::<String>, None::<String>);
        let mut tokens = Tokens { rest: text };
        while let Some(token) = tokens.next() {
            match token {
                Token::Word("@prefix" | "PREFIX") => {
                    if let (Some(Token::Word(name)), Some(Token::Name(value))) = (tokens.next(), tokens.next()) {
                        prefixes.insert(name.trim_end_matches(':').to_owned(), value.to_owned());
                    }
                }
                Token::Mark('.') => (subject, property) = (None, None),
                Token::Mark(';') => property = None,
                Token::Mark(_) => {}
                _ => {
                    let text = expand(token, &prefixes);
                    match (&subject, &property) {
                        (None, _) => subject = Some(text),
                        (Some(_), None) => property = Some(short(&text).to_owned()),
                        (Some(subject), Some(property)) => {
                            facts.subjects.entry(subject.clone()).or_default().push((property.clone(), text));
                        }
                    }
                }
            }
        }
        facts
    }

    pub(super) fn subjects(&self) -> impl Iterator<Item = &str> {
        self.subjects.keys().map(String::as_str)
    }

    /// The values of a property, in order.
    pub(super) fn all<'f>(&'f self, subject: &str, property: &'f str) -> impl Iterator<Item = &'f str> {
        let pairs = self.subjects.get(subject).map(Vec::as_slice).unwrap_or_default();
        pairs.iter().filter(move |(name, _)| name == property).map(|(_, value)| value.as_str())
    }

    pub(super) fn one<'f>(&'f self, subject: &str, property: &'f str) -> Option<&'f str> {
        self.all(subject, property).next()
    }

    pub(super) fn number(&self, subject: &str, property: &str) -> Option<u64> {
        self.all(subject, property).next()?.parse().ok()
    }

    pub(super) fn is_a(&self, subject: &str, kind: &str) -> bool {
        self.all(subject, "type").any(|found| short(found) == kind)
    }
}

/// The name at the end of that of a schema.
pub(super) fn short(name: &str) -> &str {
    name.rsplit(['#', '/']).next().unwrap_or(name)
}

fn expand(token: Token<'_>, prefixes: &BTreeMap<String, String>) -> String {
    match token {
        Token::Name(name) => name.to_owned(),
        Token::Text(text) => text.to_owned(),
        Token::Word("a") => "type".to_owned(),
        Token::Word(word) => {
            match word.split_once(':').and_then(|(prefix, name)| Some((prefixes.get(prefix)?, name))) {
                Some((prefix, name)) => format!("{prefix}{name}"),
                None => word.to_owned(),
            }
        }
        Token::Mark(mark) => mark.to_string(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    /// `<…>`
    Name(&'t str),
    /// `"…"`, without what type it is of.
    Text(&'t str),
    Word(&'t str),
    Mark(char),
}

struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        self.rest = self.rest.trim_start();
        while let Some(comment) = self.rest.strip_prefix('#') {
            self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        }
        let first = self.rest.chars().next()?;
        let behind = self.rest.get(first.len_utf8()..)?;
        match first {
            '<' => {
                let (name, rest) = behind.split_once('>')?;
                self.rest = rest;
                Some(Token::Name(name))
            }
            '"' => {
                let (quote, inside) = behind.strip_prefix("\"\"").map_or(("\"", behind), |inside| ("\"\"\"", inside));
                let (text, rest) = inside.split_once(quote)?;
                // The type or language of a text says nothing here.
                self.rest = match rest.strip_prefix("^^<") {
                    Some(kind) => kind.split_once('>').map_or("", |(_, rest)| rest),
                    None => rest.trim_start_matches(|letter: char| !letter.is_whitespace() && !";,.".contains(letter)),
                };
                Some(Token::Text(text))
            }
            ';' | ',' | '.' | '[' | ']' | '(' | ')' => {
                self.rest = behind;
                Some(Token::Mark(first))
            }
            _ => {
                let ends = |letter: char| letter.is_whitespace() || ";,[]()<\"".contains(letter);
                let end = self.rest.find(ends).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at_checked(end)?;
                // A dot ends the sentence, not the word.
                let bare = word.trim_end_matches('.');
                self.rest = self.rest.get(bare.len()..).unwrap_or(rest);
                Some(Token::Word(bare))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_found_however_they_are_written() {
        let text = "@prefix aff4: <http://aff4.org/Schema#> .\n@prefix xsd: <http://www.w3.org/2001/XMLSchema#>.\n\
            # a note\n<aff4://c2> a aff4:Image, aff4:DiskImage ;\n  aff4:dataStream <aff4://fc> ;\n aff4:size \"3964928\"^^xsd:long ;\n\
            aff4:name \"a; b.\" , \"\"\"c\"d\"\"\"@en ; aff4:blockSize 512.\n<aff4://fc> aff4:chunkSize \"32768\"^^<http://x#int>; a aff4:Map .";
        let facts = Facts::parse(text);
        assert_eq!(facts.subjects().collect::<Vec<_>>(), ["aff4://c2", "aff4://fc"]);
        assert!(
            facts.is_a("aff4://c2", "DiskImage") && facts.is_a("aff4://fc", "Map") && !facts.is_a("aff4://fc", "Image")
        );
        assert_eq!(facts.one("aff4://c2", "dataStream"), Some("aff4://fc"));
        assert_eq!(
            (facts.number("aff4://c2", "size"), facts.number("aff4://c2", "blockSize")),
            (Some(3_964_928), Some(512))
        );
        assert_eq!(facts.number("aff4://fc", "chunkSize"), Some(32_768));
        assert_eq!(facts.all("aff4://c2", "name").collect::<Vec<_>>(), ["a; b.", "c\"d"]);
    }

    #[test]
    fn every_cut_ends() {
        let text = "@prefix a: <b> . <c> a:d \"e\"^^a:f ; a [ ] , (1.5) . \"\"\"g";
        for end in 0..=text.len() {
            let _ = Facts::parse(&text[..end]);
        }
    }
}
