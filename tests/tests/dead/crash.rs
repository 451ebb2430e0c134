//! A redrive of many letters, in the middle of which the command and then the notifier are killed.

use anyhow::{Context, Result, ensure};

use crate::world::{Home, SOON, effects};

const LETTERS: usize = 120;

const REDRIVE: &[&str] =
    &["dead", "redrive", "--target", "desk", "--apply", "--why", "the desk is back again", "--rate", "100/s"];

/// Each letter is delivered; what is repeated was in the notifier's sending window when it was killed.
pub async fn crash(home: &mut Home) -> Result<()> {
    let before = home.accepted("/desk", 0).len();
    home.desk(false);
    let ids = home.check_in("many", LETTERS as u32).await?;
    home.letters(&["--target", "desk", "--open"], LETTERS as u64).await?;
    home.desk(true);

    let command = home.spawn(REDRIVE)?;
    home.wait_for("/desk", before, LETTERS / 4).await?;
    command.kill9();
    let mentioned = home.stack.command(&["dead", "list"]).await?;
    ensure!(mentioned.stderr.contains("was begun by tester"), "{mentioned:?}");

    let again = home.spawn(REDRIVE)?;
    home.wait_for("/desk", before, LETTERS / 2).await?;
    home.notifier.kill9();
    ensure!(again.end(SOON).await? == 0, "{}", again.tail());
    let said = again.stderr();
    ensure!(said.contains("goes on with redrive") && said.contains("before the run was cut off"), "{said}");
    home.notifier = home.stack.role("notifier").await?;

    let wanted = |run: &str| ids.iter().map(|id| format!("notifier/{id}/desk/{run}")).collect();
    let got = home.wait_for("/desk", before, LETTERS).await?;
    let run = got[0].header("okr-effect-id").rsplit('/').next().context("no run")?.to_owned();
    // The last letter is not the last delivery if some are repeated: all have come when all ids have.
    okr_tests::until("every letter's delivery", SOON, async || {
        (effects(&home.accepted("/desk", before)) == wanted(&run)).then_some(())
    })
    .await?;
    home.check_in("last", 1).await?;
    home.wait_for("/desk", before, LETTERS + 1).await?;
    let deliveries = home.accepted("/desk", before);
    let of_the_run = deliveries.iter().filter(|seen| seen.header("okr-effect-id").ends_with(&run)).count();
    let repeats = (of_the_run - LETTERS) as f64;
    let counted = home.notifier.metric("okr_outbox_ambiguous_total", "target=\"desk\"").await?;
    ensure!(repeats <= counted, "{repeats} repeats, but only {counted} were in the sending window");
    Ok(())
}
