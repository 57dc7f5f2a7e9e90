// A role on one private DNS zone: a custom zone that is linked, or one that records are kept in.

@description('Name of the zone')
param name string

@description('Id of the role definition')
param roleDefinitionId string

@description('Principal id of the app\'s identity')
param principalId string

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {
  name: name
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(zone.id, principalId, roleDefinitionId)
  scope: zone
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleDefinitionId
  }
}
