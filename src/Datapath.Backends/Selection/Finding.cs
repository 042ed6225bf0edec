namespace Datapath.Backends.Selection;

/// <summary>What a look at the machine says of a requirement.</summary>
public enum Finding
{
    /// <summary>It is there.</summary>
    Found,

    /// <summary>It is not there, or this process is kept from it.</summary>
    Missing,

    /// <summary>It could not be asked, mostly because something else is missing.</summary>
    CouldNotTell,
}
