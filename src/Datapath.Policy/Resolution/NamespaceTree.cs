using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>The namespaces of a policy, each with what it inherits. One that is used but not declared inherits everything.</summary>
internal sealed class NamespaceTree
{
    /// <summary>Levels below the root that the product's API allows (specification a.5).</summary>
    public const int MaxDepth = 16;

    /// <summary>The tag prefixes that every namespace has (specification c.3).</summary>
    private static readonly ImmutableArray<string> InheritedPrefixes =
        [
            "$controller=",
            "$id=",
            "$identity=",
            "$image=",
            "$name=",
            "$namespace=",
            "$type=",
            "@org:cloudaccount=",
            "@org:group=",
            "@org:kubernetes=",
            "@org:tenant=",
            "app:host:type=",
            "app=",
            "externalnetwork:name=",
        ];

    private readonly SortedDictionary<string, ResolvedNamespace> _namespaces = new(StringComparer.Ordinal);
    private readonly Dictionary<string, NamespaceDefinition> _declared = [];
    private readonly PolicyOptions _options;

    public NamespaceTree(WrittenPolicy written, PolicyOptions options, List<Diagnostic> diagnostics)
    {
        _options = options;
        Origin = NamespacePath.Absolute(NamespacePath.Root, options.Namespace);
        foreach (NamespaceDefinition definition in written.Namespaces)
        {
            string path = NamespacePath.Absolute(PathOf(definition), definition.Name);
            if (_declared.TryGetValue(path, out NamespaceDefinition? first))
            {
                diagnostics.Add(PolicyCodes.NamespaceTwice(definition.At, path, first.At));
                continue;
            }
            _declared.Add(path, definition);
        }
        foreach ((string path, NamespaceDefinition definition) in _declared)
        {
            Enter(path, definition.At, diagnostics);
        }
        Enter(Origin, new SourceSpan("--namespace", 0, 0), diagnostics);
        foreach (WrittenObject used in Members(written))
        {
            Enter(PathOf(used), used.At, diagnostics);
        }
    }

    /// <summary>Where objects without a namespace live.</summary>
    public string Origin { get; }

    /// <summary>All of them, by path.</summary>
    public ImmutableArray<ResolvedNamespace> All => [.. _namespaces.Values];

    /// <summary>The namespace at a path that some object has.</summary>
    public ResolvedNamespace this[string path] => _namespaces[path];

    /// <summary>The absolute path of the namespace that an object lives in.</summary>
    public string PathOf(WrittenObject written) =>
        written.Namespace.Length == 0 ? Origin : NamespacePath.Absolute(Origin, written.Namespace);

    private static IEnumerable<WrittenObject> Members(WrittenPolicy written) =>
        [
            .. written.ExternalNetworks,
            .. written.Rulesets,
            .. written.ProcessingUnits,
            .. written.EnforcerProfiles,
            .. written.EnforcerProfileMappings,
        ];

    private void Enter(string path, SourceSpan at, List<Diagnostic> diagnostics)
    {
        var missing = new Stack<string>();
        for (string step = path; !_namespaces.ContainsKey(step); step = NamespacePath.Parent(step))
        {
            missing.Push(step);
            if (step.Length == 1)
            {
                break;
            }
        }
        if (missing.Count > 0 && NamespacePath.Depth(path) > MaxDepth)
        {
            diagnostics.Add(PolicyCodes.NamespaceTooDeep(at, path, NamespacePath.Depth(path), MaxDepth));
        }
        while (missing.TryPop(out string? next))
        {
            _namespaces.Add(next, Resolve(next));
        }
    }

    private ResolvedNamespace Resolve(string path)
    {
        NamespaceDefinition? own = _declared.GetValueOrDefault(path);
        ResolvedNamespace? parent = path.Length == 1 ? null : _namespaces[NamespacePath.Parent(path)];
        var root = new ResolvedDefault(_options.RootDefault == DefaultAction.Reject ? Verdict.Reject : Verdict.Allow, NamespacePath.Root);
        return new ResolvedNamespace(
            path,
            NamespacePath.Depth(path),
            Default(own?.DefaultIncoming, path, parent?.Incoming ?? root),
            Default(own?.DefaultOutgoing, path, parent?.Outgoing ?? root),
            Joined(parent?.TagPrefixes ?? InheritedPrefixes, own?.TagPrefixes),
            Joined(parent?.OrganizationTags ?? [], own?.OrganizationalMetadata)
        );
    }

    private static ResolvedDefault Default(DefaultAction? own, string path, ResolvedDefault inherited) =>
        own switch
        {
            DefaultAction.Allow => new ResolvedDefault(Verdict.Allow, path),
            DefaultAction.Reject => new ResolvedDefault(Verdict.Reject, path),
            _ => inherited,
        };

    private static ImmutableArray<string> Joined(ImmutableArray<string> inherited, ImmutableArray<string>? own) =>
        own is { Length: > 0 } more ? [.. inherited, .. more.Where(one => !inherited.Contains(one))] : inherited;
}
