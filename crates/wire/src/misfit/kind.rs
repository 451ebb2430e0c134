//! Types as people name them, and which of them mean the same.

use apache_avro::Schema;

/// A type in the words of a schema.
pub(super) fn kind(schema: &Schema) -> String {
    let plain = match schema {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int => "int",
        Schema::Long => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes => "bytes",
        Schema::String => "string",
        Schema::Date => "int (date)",
        Schema::TimeMillis => "int (time-millis)",
        Schema::TimeMicros => "long (time-micros)",
        Schema::TimestampMillis => "long (timestamp-millis)",
        Schema::TimestampMicros => "long (timestamp-micros)",
        Schema::TimestampNanos => "long (timestamp-nanos)",
        Schema::LocalTimestampMillis => "long (local-timestamp-millis)",
        Schema::LocalTimestampMicros => "long (local-timestamp-micros)",
        Schema::LocalTimestampNanos => "long (local-timestamp-nanos)",
        Schema::Uuid(_) => "uuid",
        Schema::BigDecimal => "bytes (big-decimal)",
        Schema::Duration(_) => "fixed (duration)",
        Schema::Decimal(decimal) => return format!("decimal({}, {})", decimal.precision, decimal.scale),
        Schema::Array(array) => return format!("a list of {}", kind(&array.items)),
        Schema::Map(map) => return format!("a map of {}", kind(&map.types)),
        Schema::Union(union) => {
            let branches: Vec<String> = union.variants().iter().map(kind).collect();
            return format!("one of {}", branches.join(", "));
        }
        Schema::Record(record) => return format!("record `{}`", record.name.name()),
        Schema::Enum(symbols) => return format!("enum `{}`", symbols.name.name()),
        Schema::Fixed(fixed) => return format!("fixed `{}` of {} bytes", fixed.name.name(), fixed.size),
        Schema::Ref { name } => return format!("`{}`", name.name()),
    };
    plain.to_owned()
}

/// Whether a type that Avro lets one read as another keeps its meaning with the library's reader: a plain number widens,
/// text becomes bytes, and a number may be declared to be a time; a time is neither a number nor a time in another unit,
/// and bytes need not be text.
pub(super) fn same_meaning(reader: &Schema, writer: &Schema) -> bool {
    use Schema as S;
    match (writer, reader) {
        (S::Int, S::Long | S::Float | S::Double | S::Date | S::TimeMillis) => true,
        (
            S::Int | S::Long,
            S::TimeMicros
            | S::TimestampMillis
            | S::TimestampMicros
            | S::TimestampNanos
            | S::LocalTimestampMillis
            | S::LocalTimestampMicros
            | S::LocalTimestampNanos,
        ) => true,
        (S::Long, S::Float | S::Double) | (S::Float, S::Double) | (S::String, S::Bytes) => true,
        (writer, reader) => std::mem::discriminant(writer) == std::mem::discriminant(reader),
    }
}
