using Datapath.Policy.Compilation;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Evaluation;

/// <summary>What namespaces mean, looked up in what was written each time it is asked.</summary>
internal sealed class WrittenScope(WrittenPolicy written, PolicyOptions options)
{
    private static readonly string[] PrefixesOfEverybody =
        [
            "$controller=", "$id=", "$identity=", "$image=", "$name=", "$namespace=", "$type=", "@org:cloudaccount=", "@org:group=",
            "@org:kubernetes=", "@org:tenant=", "app:host:type=", "app=", "externalnetwork:name=",
        ];

    /// <summary>Where objects without a namespace live.</summary>
    public string Origin => string.Join('/', ["", .. Steps(options.Namespace)]) is { Length: > 0 } path ? path : "/";

    /// <summary>The namespace of an object.</summary>
    public string Home(WrittenObject one) => Path(one.Namespace);

    /// <summary>Whether somebody in <paramref name="from"/> sees an object of <paramref name="home"/>.</summary>
    public static bool Sees(string from, string home, bool propagates) =>
        from == home || (propagates && AndAbove(from).Contains(home));

    /// <summary>The default action of a namespace and the namespace that says so.</summary>
    public (Verdict Verdict, string SetBy) Default(string path, Direction direction)
    {
        foreach (string step in AndAbove(path))
        {
            NamespaceDefinition? declared = Declared(step);
            DefaultAction? action = direction == Direction.Incoming ? declared?.DefaultIncoming : declared?.DefaultOutgoing;
            if (action is DefaultAction.Allow or DefaultAction.Reject)
            {
                return (action == DefaultAction.Allow ? Verdict.Allow : Verdict.Reject, step);
            }
        }
        return (options.RootDefault == DefaultAction.Reject ? Verdict.Reject : Verdict.Allow, "/");
    }

    /// <summary>The <c>@org:</c> tags that objects of a namespace have.</summary>
    public IEnumerable<string> OrganizationTags(string path) =>
        AndAbove(path).SelectMany(step => Declared(step)?.OrganizationalMetadata ?? []);

    /// <summary>Whether rulesets of a namespace may use a tag.</summary>
    public bool MayUse(string path, string tag) =>
        PrefixesOfEverybody
            .Concat(AndAbove(path).SelectMany(step => Declared(step)?.TagPrefixes ?? []))
            .Any(prefix => tag.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>Number of levels below the root.</summary>
    public static int Depth(string path) => Steps(path).Length;

    private static string[] Steps(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A namespace and all above it, the nearest first.</summary>
    private static IEnumerable<string> AndAbove(string path)
    {
        string[] steps = Steps(path);
        for (int length = steps.Length; length > 0; length--)
        {
            yield return "/" + string.Join('/', steps.Take(length));
        }
        yield return "/";
    }

    private NamespaceDefinition? Declared(string path) =>
        written.Namespaces.FirstOrDefault(one => Path(one.Name.StartsWith('/') ? one.Name : $"{Home(one)}/{one.Name}") == path);

    private string Path(string text)
    {
        string[] steps = text.StartsWith('/') ? Steps(text) : [.. Steps(options.Namespace), .. Steps(text)];
        return "/" + string.Join('/', steps);
    }
}
