namespace Datapath.Backends.Selection;

/// <summary>What follows when it is missing.</summary>
public enum RequirementLevel
{
    /// <summary>The backend cannot enforce without it.</summary>
    Needed,

    /// <summary>Something is slower, weaker or harder to read without it.</summary>
    Useful,

    /// <summary>Nothing; it explains what else is seen.</summary>
    Information,
}
