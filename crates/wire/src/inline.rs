//! References between the parts of a schema, written out: a name is defined where it is first used, so that moving a
//! field moves definitions, and a comparison part by part would take that for a change.

use std::collections::HashMap;

use apache_avro::{
    Schema,
    schema::{Name, ResolvedSchema, UnionSchema},
};

/// Parts of a written-out schema. Beyond that it stays as it is; references can make it grow without end.
const PARTS_MAX: usize = 20_000;

/// The schema with every reference replaced by what it names, but for those to a part that they are themselves in.
pub(crate) fn inline(schema: &Schema) -> Schema {
    let Ok(resolved) = ResolvedSchema::try_from(schema) else { return schema.clone() };
    let names = resolved.get_names().iter().map(|(name, part)| (name.clone(), *part)).collect();
    let mut inliner = Inliner { names, inside: Vec::new(), parts: 0 };
    let written_out = inliner.part(schema);
    if inliner.parts > PARTS_MAX { schema.clone() } else { written_out }
}

struct Inliner<'s> {
    names: HashMap<Name, &'s Schema>,
    inside: Vec<Name>,
    parts: usize,
}

impl Inliner<'_> {
    fn part(&mut self, schema: &Schema) -> Schema {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return schema.clone();
        }
        match schema {
            Schema::Ref { name } if !self.inside.contains(name) => match self.names.get(name).copied() {
                Some(named) => self.part(named),
                None => schema.clone(),
            },
            Schema::Record(record) => {
                self.inside.push(record.name.clone());
                let mut record = record.clone();
                for field in &mut record.fields {
                    field.schema = self.part(&field.schema);
                }
                self.inside.pop();
                Schema::Record(record)
            }
            Schema::Array(array) => {
                let mut array = array.clone();
                array.items = Box::new(self.part(&array.items));
                Schema::Array(array)
            }
            Schema::Map(map) => {
                let mut map = map.clone();
                map.types = Box::new(self.part(&map.types));
                Schema::Map(map)
            }
            Schema::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.part(branch)).collect();
                UnionSchema::new(branches).map(Schema::Union).unwrap_or_else(|_| schema.clone())
            }
            _ => schema.clone(),
        }
    }
}
