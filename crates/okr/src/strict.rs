//! Strict expressions: touching what is not there is an error, and `has(x)` asks without touching.

use std::sync::LazyLock;

use minijinja::{Environment, Expression, UndefinedBehavior, Value};

use crate::{ExpressionError, expression, scan};

/// Where the arguments of `has` are looked up: a missing value, or one of its fields, is simply not there.
static LENIENT: LazyLock<Environment<'static>> =
    LazyLock::new(|| expression::environment(UndefinedBehavior::Chainable));

/// A compiled expression, and what its `has(…)` ask about.
pub(crate) struct Strict {
    source: String,
    expression: Expression<'static, 'static>,
    probes: Vec<Expression<'static, 'static>>,
}

impl Strict {
    /// Compiles; wrong syntax, and filters or tests that do not exist, are refused. Variables are the caller's to check.
    pub(crate) fn compile(
        source: &str,
        environment: &'static Environment<'static>,
    ) -> Result<Self, ExpressionError> {
        let tokens = scan::tokens(source, 0..source.len());
        let mut rewritten = String::with_capacity(source.len());
        let mut probes = Vec::new();
        let mut copied = 0;
        for scan::Probe { call, argument } in scan::probes(source, &tokens) {
            // Each probe becomes a variable that is looked up beforehand. Line breaks stay, so that lines keep their
            // numbers.
            rewritten.push_str(&source[copied..call.start]);
            rewritten.push('(');
            rewritten.push_str(&probe_name(probes.len()));
            rewritten.extend(source[call.clone()].matches('\n'));
            rewritten.push(')');
            copied = call.end;
            let before = source[..argument.start].matches('\n').count();
            let probe = "\n".repeat(before) + &source[argument];
            probes.push(LENIENT.compile_expression_owned(probe)?);
        }
        rewritten.push_str(&source[copied..]);
        let expression = environment.compile_expression_owned(rewritten)?;
        expression::check_names(environment, source, &tokens)?;
        Ok(Self { source: source.to_owned(), expression, probes })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The variables that it reads, dotted as minijinja lists them, those of `has(…)` included.
    pub(crate) fn paths(&self) -> Vec<String> {
        let asked = self.probes.iter().flat_map(|probe| probe.undeclared_variables(true));
        self.reads().into_iter().chain(asked).collect()
    }

    /// The same without those of `has(…)`.
    pub(crate) fn reads(&self) -> Vec<String> {
        let mut reads: Vec<String> = self.expression.undeclared_variables(true).into_iter().collect();
        reads.retain(|path| !path.starts_with(PROBE));
        reads
    }

    /// Works it out. `bare` has the variables; `with` gives them together with the answers to `has(…)`.
    pub(crate) fn eval(
        &self,
        bare: Value,
        with: impl FnOnce(&mut dyn Iterator<Item = (String, Value)>) -> Value,
    ) -> Result<Value, minijinja::Error> {
        if self.probes.is_empty() {
            return self.expression.eval(bare);
        }
        let mut asked = self.probes.iter().enumerate().map(|(at, probe)| {
            let there = probe.eval(bare.clone()).is_ok_and(|value| expression::says_something(&value));
            (probe_name(at), Value::from(there))
        });
        self.expression.eval(with(&mut asked))
    }
}

const PROBE: &str = "__has_";

fn probe_name(at: usize) -> String {
    format!("{PROBE}{at}")
}
