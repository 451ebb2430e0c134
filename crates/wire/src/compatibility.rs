//! Whether what was written with one schema can be read with another.

use apache_avro::{
    Schema,
    error::CompatibilityError,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};

use crate::{error::brief, inline::inline};

/// Whether everything that was written with the schema `old` can be read with the schema `new`; if not, why.
///
/// BACKWARD is `compatible(new, old)`, FORWARD is `compatible(old, new)`, FULL is both; TRANSITIVE asks that of every
/// earlier version. Both are the JSON texts of Avro schemas.
pub fn compatible(new: &str, old: &str) -> Result<(), Vec<String>> {
    let parse = |which: &str, text: &str| {
        let schema = Schema::parse_str(text);
        schema.map_err(|error| vec![brief(&format!("the {which} schema is no Avro schema: {error}"))])
    };
    let (new, old) = (inline(&parse("new", new)?), inline(&parse("old", old)?));
    match SchemaCompatibility::can_read(&old, &new) {
        Ok(Compatibility::Full) => Ok(()),
        // Some of what may be written has no place: a symbol without an enum default, a branch of a union.
        Ok(Compatibility::Partial) => Err(vec![
            "the reader has no place for some symbols or branches that the writer may write".to_owned(),
        ]),
        Err(error) => Err(vec![describe(&error)]),
    }
}

/// One line that names the field; the library's own text of a type mismatch is two whole schemas.
fn describe(error: &CompatibilityError) -> String {
    match error {
        CompatibilityError::FieldTypeMismatch(field, inner) => {
            format!("field `{field}`: {}", describe(inner))
        }
        CompatibilityError::WrongType { .. } => "the reader's type cannot hold the writer's".to_owned(),
        CompatibilityError::MissingDefaultValue(field) => {
            format!("the reader's field `{field}` is not in the writer and has no default")
        }
        CompatibilityError::NameMismatch { writer_name, reader_name } => {
            format!("the writer's `{writer_name}` is not the reader's `{reader_name}`")
        }
        other => brief(&other.to_string()),
    }
}

#[cfg(test)]
mod tests;
