namespace Datapath.Policy.Resolution;

/// <summary>Absolute paths of namespaces.</summary>
internal static class NamespacePath
{
    public const string Root = "/";

    /// <summary>The absolute path of what was written, seen from <paramref name="origin"/>.</summary>
    /// <param name="origin">An absolute path.</param>
    /// <param name="written">Absolute, relative, or empty for the origin itself.</param>
    public static string Absolute(string origin, string written)
    {
        string joined = written.StartsWith('/') ? written : $"{origin}/{written}";
        // Most objects are written with a clean path: no reason to take it apart.
        if (joined.Length > 1 && joined[^1] != '/' && joined[0] == '/' && !joined.Contains("//", StringComparison.Ordinal))
        {
            return joined;
        }
        return Root + string.Join('/', joined.Split('/', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Number of levels below the root.</summary>
    public static int Depth(string path) => path.Length == 1 ? 0 : path.AsSpan().Count('/');

    /// <summary>The path above; the root is its own.</summary>
    public static string Parent(string path)
    {
        int slash = path.LastIndexOf('/');
        return slash <= 0 ? Root : path[..slash];
    }

    /// <summary>Whether an object of one namespace is seen from another: it is its own, or an ancestor's that propagates.</summary>
    public static bool IsVisible(string owner, bool propagate, string from) =>
        owner == from
        || (propagate && (owner.Length == 1 || (from.StartsWith(owner, StringComparison.Ordinal) && from[owner.Length] == '/')));
}
