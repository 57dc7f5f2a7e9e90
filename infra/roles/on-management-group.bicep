// Roles of in-management-group.bicep for one principal, on a whole management group.
targetScope = 'managementGroup'

@description('The deployment\'s owner, as in its policy')
param owner string

@description('Which roles of roles/rights.json')
param assigned array

@description('Principal id of an app\'s identity')
param principalId string

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for key in assigned: {
  name: guid(managementGroup().id, owner, key, principalId)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: extensionResourceId(managementGroup().id, 'Microsoft.Authorization/roleDefinitions', guid(managementGroup().id, owner, key))
  }
}]
