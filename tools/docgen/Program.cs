// Prints reference pages to stdout: docgen ruleset > docs/ruleset.md, docgen metrics > docs/metrics.md. Exit 0: printed, 2: not a page.
using Datapath.DocGen;

switch (args)
{
    case ["ruleset"]:
        Console.Out.Write(RulesetReference.Render());
        return 0;
    case ["metrics"]:
        Console.Out.Write(MetricReference.Render());
        return 0;
    default:
        Console.Error.WriteLine("usage: docgen ruleset|metrics");
        return 2;
}
