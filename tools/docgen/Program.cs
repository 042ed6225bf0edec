using Datapath.DocGen;

// docgen ruleset > docs/ruleset.md
switch (args)
{
    case ["ruleset"]:
        Console.Out.Write(RulesetReference.Render());
        return 0;
    default:
        Console.Error.WriteLine("usage: docgen ruleset");
        return 2;
}
