//! Prints the custom resource definition.

fn main() -> anyhow::Result<()> {
    print!("{}", triton_operator::crd::yaml()?);
    Ok(())
}
