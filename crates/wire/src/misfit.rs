//! What keeps one version of a schema from reading what another one wrote: every field at fault, not only the first.
//!
//! [`crate::compatible`] answers by Avro's rules, as registries do. The library's reader, which our services read with,
//! does less than these rules promise: it knows no aliases, takes a time for no plain number, and picks among the
//! records of a union by what fits. So what must be readable by our services is judged here, by what that reader does;
//! where the reader goes by the rules, the library's own check is asked.

mod kind;

use std::{collections::HashMap, fmt};

use apache_avro::{
    Schema,
    schema::{EnumSchema, Name, RecordField, RecordSchema, ResolvedSchema, UnionSchema},
    schema_compatibility::{Compatibility, SchemaCompatibility},
};

use self::kind::{kind, same_meaning};
use crate::WireError;

/// More than these are not told; records within records can make them grow without end.
const FOUND_MAX: usize = 100;

/// Why one field cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// From the record down, with dots; `[]` are the items of a list, `{}` the values of a map. Empty is the whole.
    pub field: String,
    pub problem: Problem,
}

/// What is wrong, in terms of the version that reads and the one that wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The reader has the field, the writer has not, and there is no default.
    NoDefault,
    /// The reader knows the writer's field under another name only.
    Alias(String),
    Name {
        reader: String,
        writer: String,
    },
    Kind {
        reader: String,
        writer: String,
    },
    /// Symbols that the reader does not know, and it has no default for them.
    Symbols(Vec<String>),
    /// Branches of a union that the reader has no place for.
    Branch(String),
    /// Several records, enums or fixed ones in one union of the reader.
    Ambiguous,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDefault => write!(f, "it was not written, and the reader has no default for it"),
            Self::Alias(name) => write!(f, "it was written as `{name}`, and aliases are not followed"),
            Self::Name { reader, writer } => {
                write!(f, "it was written as `{writer}`, and is read as `{reader}`")
            }
            Self::Kind { reader, writer } => {
                write!(f, "it was written as {writer}, and cannot be read as {reader}")
            }
            Self::Symbols(symbols) => {
                write!(f, "the reader knows no {}, and has no default symbol", symbols.join(", "))
            }
            Self::Branch(branch) => {
                write!(f, "it may have been written as {branch}, which the reader has no place for")
            }
            Self::Ambiguous => {
                write!(f, "the reader's union has several of a kind, which are not told apart")
            }
        }
    }
}

impl Problem {
    /// What mends it in the new version, which is the reader or the one that is to be read.
    pub fn remedy(&self, new_reads: bool) -> &'static str {
        match (self, new_reads) {
            (Self::NoDefault, true) => "give it a default (`null` first, for a field that may be absent)",
            (Self::NoDefault, false) => "keep it: the other version cannot do without it",
            (Self::Alias(_) | Self::Name { .. }, _) => "keep the old name; say the new one in `doc`",
            (Self::Kind { .. } | Self::Branch(_), _) => "keep its type, and add a new field with a default",
            (Self::Symbols(_), true) => "keep the symbols, or give the enum a `default`",
            (Self::Symbols(_), false) => {
                "leave the new symbols out: the other version has no default for them"
            }
            (Self::Ambiguous, _) => "make each a field of its own that may be null",
        }
    }
}

/// All that the version `reader` cannot read of what was written with `writer`; both are JSON texts.
pub(crate) fn misfits(reader: &str, writer: &str) -> Result<Vec<Misfit>, WireError> {
    let (reader, writer) = (parse(reader)?, parse(writer)?);
    let (reader_names, writer_names) = (names(&reader)?, names(&writer)?);
    let mut walk = Walk { reader_names, writer_names, seen: HashMap::new(), found: Vec::new() };
    walk.part("", &reader, &writer);
    Ok(walk.found)
}

/// Why a text cannot be used as a schema; none if it can.
pub(crate) fn fault(text: &str) -> Option<WireError> {
    parse(text).and_then(|schema| names(&schema).map(drop)).err()
}

fn parse(text: &str) -> Result<Schema, WireError> {
    Schema::parse_str(text).map_err(WireError::schema)
}

fn names(schema: &Schema) -> Result<HashMap<Name, Schema>, WireError> {
    let resolved = ResolvedSchema::try_from(schema).map_err(WireError::schema)?;
    Ok(resolved.get_names().iter().map(|(name, part)| (name.clone(), (*part).clone())).collect())
}

struct Walk {
    reader_names: HashMap<Name, Schema>,
    writer_names: HashMap<Name, Schema>,
    /// What was found in pairs of records, from them down. One that is being looked at has nothing yet, for it says
    /// nothing new inside itself.
    seen: HashMap<(Name, Name), Vec<Misfit>>,
    found: Vec<Misfit>,
}

impl Walk {
    fn part(&mut self, field: &str, reader: &Schema, writer: &Schema) {
        let (reader, writer) = (named(&self.reader_names, reader), named(&self.writer_names, writer));
        match (&reader, &writer) {
            (_, Schema::Union(branches)) => {
                branches.variants().iter().for_each(|branch| self.branch(field, &reader, branch));
            }
            (Schema::Union(_), _) => self.branch(field, &reader, &writer),
            (Schema::Record(reader), Schema::Record(writer)) => self.record(field, reader, writer),
            (Schema::Enum(reader), Schema::Enum(writer)) => self.symbols(field, reader, writer),
            (Schema::Array(reader), Schema::Array(writer)) => {
                self.part(&format!("{field}[]"), &reader.items, &writer.items);
            }
            (Schema::Map(reader), Schema::Map(writer)) => {
                self.part(&format!("{field}{{}}"), &reader.types, &writer.types);
            }
            _ => self.leaf(field, &reader, &writer),
        }
    }

    /// What one branch of the writer, or its only type, meets in the reader.
    fn branch(&mut self, field: &str, reader: &Schema, writer: &Schema) {
        let Schema::Union(union) = reader else { return self.alone(field, reader, writer) };
        if self.is_ambiguous(union) {
            return self.note(field, Problem::Ambiguous);
        }
        let writer = named(&self.writer_names, writer);
        let mut nearest = None;
        for branch in union.variants() {
            let found = self.aside(field, branch, &writer);
            if found.is_empty() {
                return;
            }
            let branch = named(&self.reader_names, branch);
            let alike = std::mem::discriminant(&branch) == std::mem::discriminant(&writer);
            if alike && nearest.is_none() {
                nearest = Some(found);
            }
        }
        match nearest {
            Some(found) => self.found.extend(found),
            None => self.note(field, Problem::Branch(kind(&writer))),
        }
    }

    /// A branch of the writer's union where the reader has none.
    fn alone(&mut self, field: &str, reader: &Schema, writer: &Schema) {
        let found = self.aside(field, reader, writer);
        let writer = named(&self.writer_names, writer);
        if std::mem::discriminant(reader) == std::mem::discriminant(&writer) {
            self.found.extend(found);
        } else if !found.is_empty() {
            self.note(field, Problem::Branch(kind(&writer)));
        }
    }

    fn aside(&mut self, field: &str, reader: &Schema, writer: &Schema) -> Vec<Misfit> {
        let before = std::mem::take(&mut self.found);
        self.part(field, reader, writer);
        std::mem::replace(&mut self.found, before)
    }

    fn record(&mut self, field: &str, reader: &RecordSchema, writer: &RecordSchema) {
        if reader.name.name() != writer.name.name() {
            return self.note(field, name(reader.name.name(), writer.name.name()));
        }
        let pair = (reader.name.clone(), writer.name.clone());
        if !self.seen.contains_key(&pair) {
            self.seen.insert(pair.clone(), Vec::new());
            let before = std::mem::take(&mut self.found);
            for one in &reader.fields {
                match writer.fields.iter().find(|written| written.name == one.name) {
                    Some(written) => self.part(&one.name, &one.schema, &written.schema),
                    None => self.absent(&one.name, one, writer),
                }
            }
            let inside = std::mem::replace(&mut self.found, before);
            self.seen.insert(pair.clone(), inside);
        }
        for Misfit { field: below, problem } in self.seen.get(&pair).cloned().unwrap_or_default() {
            let path = if field.is_empty() { below } else { format!("{field}.{below}") };
            self.note(&path, problem);
        }
    }

    /// A field that is not in the writer under its name.
    fn absent(&mut self, path: &str, one: &RecordField, writer: &RecordSchema) {
        let alias =
            one.aliases.iter().find(|alias| writer.fields.iter().any(|written| written.name == **alias));
        match alias {
            Some(alias) => self.note(path, Problem::Alias(alias.clone())),
            None if one.default.is_none() => self.note(path, Problem::NoDefault),
            None => {}
        }
    }

    fn symbols(&mut self, field: &str, reader: &EnumSchema, writer: &EnumSchema) {
        if reader.name.name() != writer.name.name() {
            return self.note(field, name(reader.name.name(), writer.name.name()));
        }
        let unknown: Vec<String> =
            writer.symbols.iter().filter(|symbol| !reader.symbols.contains(symbol)).cloned().collect();
        if reader.default.is_none() && !unknown.is_empty() {
            self.note(field, Problem::Symbols(unknown));
        }
    }

    fn leaf(&mut self, field: &str, reader: &Schema, writer: &Schema) {
        let by_the_rules = matches!(SchemaCompatibility::can_read(writer, reader), Ok(Compatibility::Full));
        if !by_the_rules || !same_meaning(reader, writer) {
            self.note(field, Problem::Kind { reader: kind(reader), writer: kind(writer) });
        }
    }

    fn is_ambiguous(&self, union: &UnionSchema) -> bool {
        let branches: Vec<Schema> =
            union.variants().iter().map(|branch| named(&self.reader_names, branch)).collect();
        let several = |is: fn(&Schema) -> bool| branches.iter().filter(|branch| is(branch)).count() > 1;
        several(|part| matches!(part, Schema::Record(_)))
            || several(|part| matches!(part, Schema::Enum(_)))
            || several(|part| matches!(part, Schema::Fixed(_)))
    }

    fn note(&mut self, field: &str, problem: Problem) {
        let misfit = Misfit { field: field.to_owned(), problem };
        if self.found.len() < FOUND_MAX && !self.found.contains(&misfit) {
            self.found.push(misfit);
        }
    }
}

fn name(reader: &str, writer: &str) -> Problem {
    Problem::Name { reader: reader.to_owned(), writer: writer.to_owned() }
}

/// What a reference names; anything else is itself.
fn named(names: &HashMap<Name, Schema>, schema: &Schema) -> Schema {
    match schema {
        Schema::Ref { name } => names.get(name).unwrap_or(schema).clone(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
