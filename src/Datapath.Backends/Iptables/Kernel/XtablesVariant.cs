namespace Datapath.Backends.Iptables.Kernel;

/// <summary>Which of the two implementations of iptables. Rules of one are not to be seen by the other, and packets meet both.</summary>
internal enum XtablesVariant
{
    /// <summary>Rules become those of nf_tables.</summary>
    Nft,

    /// <summary>Rules stay in tables of their own.</summary>
    Legacy,
}
