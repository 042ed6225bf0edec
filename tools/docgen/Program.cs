// Prints reference pages to stdout: docgen ruleset > docs/ruleset.md. Exit 0: printed, 2: not a page.
using Datapath.DocGen;

switch (args)
{
    case ["ruleset"]:
        Console.Out.Write(RulesetReference.Render());
        return 0;
    default:
        Console.Error.WriteLine("usage: docgen ruleset");
        return 2;
}
